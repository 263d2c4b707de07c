//! The conditions: of each, whether it holds in the last update of a history, in words with its numbers.

use super::Bounds;
use super::history::{History, median};

mod judge;

/// What is alarming, and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    pub(super) what: String,
    pub(super) hint: &'static str,
}

/// A condition by the name of its alarm.
pub(super) struct Rule {
    pub(super) alarm: &'static str,
    pub(super) finds: fn(&History, &Bounds) -> Option<Finding>,
}

/// All of them, as [`crate::config::ALARMS`] names them.
pub(super) const RULES: &[Rule] = &[
    rule("kl", kl),
    rule("entropy", entropy),
    rule("repetition", repetition),
    rule("ratio", ratio),
    rule("mismatch", mismatch),
    rule("value_loss", value_loss),
    rule("saturation", saturation),
    rule("invalid", invalid),
    rule("length", length),
    rule("judge", judge::finds),
    rule("equal_rewards", equal_rewards),
];

const fn rule(alarm: &'static str, finds: fn(&History, &Bounds) -> Option<Finding>) -> Rule {
    Rule { alarm, finds }
}

fn found(what: String, hint: &'static str) -> Option<Finding> {
    Some(Finding { what, hint })
}

/// As in TRL's first PPO trainer, which warns of a mean KL below it: an estimate from samples may be a little below 0.
const NEGATIVE_KL: f64 = -1.0;

/// KL far above its target; far below when the controller has had two horizons of time; or below 0, as no divergence is.
fn kl(history: &History, bounds: &Bounds) -> Option<Finding> {
    let (now, target) = (history.now("objective/kl")?, bounds.kl.target);
    let factor = bounds.alarms.kl_factor;
    if now < NEGATIVE_KL {
        let what = format!(
            "KL is {now:.2} nats a response, and no divergence is below 0: responses are not drawn from the \
             distribution that they are judged by"
        );
        return found(
            what,
            "sample from the whole distribution, by sampling.top_k = 0 and sampling.top_p = 1.0; if it is whole, lower \
             ppo.lr",
        );
    }
    if target <= 0.0 {
        return None;
    }
    if now > factor * target {
        return found(
            format!(
                "KL is {now:.2} nats a response, more than {factor} times its target of {target}"
            ),
            "lower ppo.lr, raise kl.coef, or lower kl.horizon: the policy leaves faster than the coefficient follows",
        );
    }
    let episodes = history.updates() as f64 * bounds.batch_size as f64;
    if episodes >= 2.0 * bounds.kl.horizon && now * 2.0 * factor < target {
        return found(
            format!(
                "KL is {now:.2} nats a response after {episodes} episodes, less than 1/{} of its target of {target}",
                2.0 * factor
            ),
            "lower kl.coef or kl.target, or raise ppo.lr: the policy hardly moves",
        );
    }
    None
}

/// The distribution over next tokens has become narrow.
fn entropy(history: &History, bounds: &Bounds) -> Option<Finding> {
    let name = "ppo/policy/entropy";
    let (now, then) = (history.now(name)?, history.beginning(name)?);
    let share = bounds.alarms.entropy_share;
    if now >= share * then {
        return None;
    }
    found(
        format!(
            "entropy is {now:.3} nats a token, less than {share} of the {then:.3} that the run began with"
        ),
        "lower ppo.lr, or raise kl.coef: the policy has all but stopped to choose; samples.jsonl has what it says",
    )
}

/// Responses repeat themselves, or each other.
fn repetition(history: &History, bounds: &Bounds) -> Option<Finding> {
    let hint = "look into samples.jsonl for what the reward likes; raise kl.coef, or add the shaper `repetition`";
    if let Some(repeated) = history.now("response/repeated")
        && repeated > bounds.alarms.repeated_share
    {
        let what = format!(
            "{:.0} % of the runs of three tokens stand in the same response before",
            100.0 * repeated
        );
        return found(what, hint);
    }
    let duplicates = history.now("response/duplicates")?;
    if duplicates <= bounds.alarms.duplicate_share {
        return None;
    }
    let what = format!(
        "{:.0} % of the responses of a batch say what another of them says",
        100.0 * duplicates
    );
    found(what, hint)
}

/// What is trained on is not what was sampled, or an update goes far beyond what its clipping is made for.
fn ratio(history: &History, bounds: &Bounds) -> Option<Finding> {
    let alarms = &bounds.alarms;
    if let Some(error) = history.now("ppo/first_ratio_error")
        && error > alarms.ratio_error
    {
        return found(
            format!("before an update's first step the probability ratio is {error:.1e} from 1"),
            "train with run.dtype = \"f32\", or with a ppo.micro_batch that divides the minibatch: passes over the \
             same tokens say different things of them",
        );
    }
    let hint = "lower ppo.lr or ppo.epochs, or raise ppo.batch_size: an update moves the policy farther than its \
                clipping is made for";
    if let Some(change) = history.now("ppo/policy/approxkl")
        && change > alarms.approxkl
    {
        let what = format!(
            "half the mean squared change of log-probabilities within an update is {change:.2}, more than {}",
            alarms.approxkl
        );
        return found(what, hint);
    }
    let clipped = history.now("ppo/policy/clipfrac")?;
    if clipped <= alarms.clip_share {
        return None;
    }
    let what = format!(
        "the ratio of {:.0} % of all tokens is clipped",
        100.0 * clipped
    );
    found(what, hint)
}

/// The sampler draws by other probabilities than the trainer computes.
fn mismatch(history: &History, bounds: &Bounds) -> Option<Finding> {
    let now = history.now("sampling/mismatch_kl")?;
    if now.abs() <= bounds.alarms.mismatch_kl {
        return None;
    }
    found(
        format!(
            "sampler and trainer differ by {now:.1e} nats a token on the tokens that were sampled"
        ),
        "train with run.dtype = \"f32\": what is learned from was not drawn from the policy as the trainer knows it",
    )
}

/// Updates that a value loss is compared with, and how many of them there must be.
const BEFORE: usize = 20;
const LEAST_BEFORE: usize = 3;

/// The value loss is many times what it was before the last few updates, and larger than that of the untrained head.
fn value_loss(history: &History, bounds: &Bounds) -> Option<Finding> {
    let name = "ppo/loss/value";
    let (losses, now) = (history.column(name), history.now(name)?);
    let lasting = bounds.alarms.persistence as usize;
    let before = losses.len().saturating_sub(lasting);
    let before = &losses[before.saturating_sub(BEFORE)..before];
    let usual = median(before).filter(|_| before.len() >= LEAST_BEFORE)?;
    let factor = bounds.alarms.value_loss_factor;
    if now <= factor * usual || now <= history.beginning(name)? {
        return None;
    }
    found(
        format!(
            "the value loss is {now:.2e}, more than {factor} times the {usual:.2e} of the updates before"
        ),
        "lower ppo.lr or ppo.vf_coef, set ppo.max_grad_norm = 1.0, and look whether rewards have become large",
    )
}

/// Nearly all responses have one score, so that little can be learned from it.
fn saturation(history: &History, bounds: &Bounds) -> Option<Finding> {
    let hint = "look into samples.jsonl whether all is as good as it gets: then stop here; otherwise use a reward that \
                tells responses apart, or raise kl.coef";
    let alarms = &bounds.alarms;
    if let Some(share) = history.now("objective/score_mode")
        && share >= alarms.saturated_share
        && alarms.saturated_share < 1.0
    {
        let what = format!(
            "{:.0} % of the responses of a batch have the same score",
            100.0 * share
        );
        return found(what, hint);
    }
    let name = "objective/score_std";
    let (now, then) = (history.now(name)?, history.beginning(name)?);
    let share = alarms.saturated_deviation;
    if now >= share * then {
        return None;
    }
    let what = format!(
        "scores deviate by {now:.2e}, less than {share} of the {then:.2e} that the run began with"
    );
    found(what, hint)
}

/// Most responses break the task's rules.
fn invalid(history: &History, bounds: &Bounds) -> Option<Finding> {
    let share = 1.0 - history.now("objective/valid")?;
    if share <= bounds.alarms.invalid_share {
        return None;
    }
    found(
        format!(
            "{:.0} % of the responses are invalid, and earn the task's penalty whatever they say",
            100.0 * share
        ),
        "give responses more tokens or another rule for where they end, in [task.settings], or raise kl.coef",
    )
}

/// Responses have become much longer or shorter.
fn length(history: &History, bounds: &Bounds) -> Option<Finding> {
    let name = "response/length";
    let (now, then) = (history.now(name)?, history.beginning(name)?);
    let factor = bounds.alarms.length_factor;
    let how = if now > factor * then {
        "longer"
    } else if now * factor < then {
        "shorter"
    } else {
        return None;
    };
    found(
        format!(
            "responses have {now:.1} tokens on average, more than {factor} times {how} than the {then:.1} at the beginning"
        ),
        "look whether the reward likes length as such; add the shaper `length`, or raise kl.coef",
    )
}

/// No response is worth more than another.
fn equal_rewards(history: &History, _: &Bounds) -> Option<Finding> {
    let (deviation, mean) = (
        history.now("objective/score_std")?,
        history.now("objective/score")?,
    );
    if deviation > 0.0 {
        return None;
    }
    found(
        format!(
            "all responses of a batch are worth the same, {mean:.3}: there is nothing to learn from but the KL"
        ),
        "look whether the labeler reads what it should, by samples.jsonl and `attune plugin replay`; with penalties \
         alone, look why no response is valid",
    )
}
