//! What cannot work in each section of a config.

use super::problems::Problems;
use super::{Collect, Config, Kl, Noise, Ppo, Reward, Sampling, Score, Sft};

pub(super) fn check_ppo(ppo: &Ppo, problems: &mut Problems) {
    for (name, value) in [
        ("total_episodes", ppo.total_episodes),
        ("batch_size", ppo.batch_size),
        ("epochs", ppo.epochs),
        ("minibatches", ppo.minibatches),
        ("whiten_groups", ppo.whiten_groups),
    ] {
        problems.at_least_one("ppo", name, value);
    }
    if ppo.batch_size != 0 && ppo.minibatches != 0 && ppo.whiten_groups != 0 {
        check_division(ppo, problems);
    }
    for (name, value, most) in [
        ("lr", ppo.lr, 1.0),
        ("vf_coef", ppo.vf_coef, 1e4),
        ("clip_range", ppo.clip_range, 1e4),
        ("clip_range_value", ppo.clip_range_value, 1e4),
        ("adam_epsilon", ppo.adam_epsilon, 1.0),
        ("max_grad_norm", ppo.max_grad_norm, 1e12),
    ] {
        problems.within("ppo", name, value, 0.0..=most);
    }
    for (name, value, most) in [
        ("epochs", ppo.epochs, 10_000),
        ("batch_size", ppo.batch_size, 1 << 24),
        ("total_episodes", ppo.total_episodes, 1 << 40),
    ] {
        problems.at_most("ppo", name, value, most);
    }
    problems.share("ppo", "gamma", ppo.gamma);
    problems.share("ppo", "lam", ppo.lam);
    let styles = ["tensorflow", "pytorch"];
    problems.one_of(
        "ppo",
        "adam_epsilon_style",
        &ppo.adam_epsilon_style,
        &styles,
    );
}

fn check_division(ppo: &Ppo, problems: &mut Problems) {
    let parts = ppo.minibatches.saturating_mul(ppo.whiten_groups);
    let what = format!(
        "[ppo] batch_size {} is not a multiple of minibatches {} x whiten_groups {}",
        ppo.batch_size, ppo.minibatches, ppo.whiten_groups
    );
    let below = ppo.batch_size / parts * parts;
    if ppo.batch_size == below && below / parts < 2 {
        problems.add(
            format!(
                "[ppo] batch_size {below} leaves {} episode to whiten over; it takes at least 2",
                below / parts
            ),
            format!("use batch_size {} or fewer minibatches", 2 * parts),
        );
    } else if below == 0 {
        problems.add(what, format!("use {parts}"));
    } else if ppo.batch_size != below {
        problems.add(what, format!("use {below} or {}", below + parts));
    }
}

pub(super) fn check_sampling(sampling: &Sampling, problems: &mut Problems) {
    if !(1e-3..=1e3).contains(&sampling.temperature) {
        problems.add(
            format!(
                "[sampling] temperature {} must be a number above 0, from 0.001 to 1000",
                sampling.temperature
            ),
            "PPO needs a distribution to learn from; the original's is 0.7",
        );
    }
    if sampling.top_k < 0 {
        problems.add(
            format!("[sampling] top_k {} must be at least 0", sampling.top_k),
            "use 0 to sample among all tokens",
        );
    }
    problems.share("sampling", "top_p", sampling.top_p);
}

pub(super) fn check_kl(kl: &Kl, problems: &mut Problems) {
    problems.not_negative("kl", "coef", kl.coef);
    problems.not_negative("kl", "target", kl.target);
    problems.within("kl", "horizon", kl.horizon, 1.0..=1e12);
}

pub(super) fn check_score(score: &Score, place: usize, labeler: bool, problems: &mut Problems) {
    let name = format!("[[score]] {}", place + 1);
    let sources = [
        !score.reward_models.is_empty(),
        score.trained,
        score.labeler,
        score.metric.is_some(),
    ];
    if sources.iter().filter(|given| **given).count() != 1 {
        problems.add(
            format!("{name}: must have just one of reward_models, trained, labeler and metric"),
            "write an own [[score]] for each source",
        );
    }
    if score.labeler && !labeler {
        problems.add(
            format!("{name}: asks for the labeler, and there is none"),
            "add `[labeler]`",
        );
    }
    if score.trained {
        problems.add(
            format!("{name}: asks for the reward model that is trained before, and none is"),
            "let `attune run` do both, or name a folder by reward_models",
        );
    }
    problems.within(&name, "weight", score.weight, -1e6..=1e6);
    problems.within(&name, "offset", score.offset, -1e6..=1e6);
    problems.within(&name, "caution", score.caution, -1e3..=1e3);
    if score.caution != 0.0 && (score.labeler || score.metric.is_some()) {
        problems.add(
            format!("{name}: has caution, and only reward models can disagree"),
            "leave caution out",
        );
    }
}

/// What is added up for the reward must not be 0 for every response.
pub(super) fn check_weights(config: &Config, problems: &mut Problems) {
    let shapers = config.shaper.iter().any(|shaper| shaper.weight != 0.0);
    let scores = config.score.iter().any(|score| score.weight != 0.0);
    if !config.score.is_empty() && !scores && !shapers {
        problems.add(
            "no [[score]] has a weight other than 0, so that every response is worth the same",
            "give one of them another weight; what is measured alone is named by [[eval.measure]]",
        );
    }
    // Where labels are collected, the labeler may have another part than to score.
    let alone = config.score.is_empty() && config.collect.is_none() && !shapers;
    if alone && config.labeler.iter().any(|labeler| labeler.weight == 0.0) {
        problems.add(
            "[labeler] weight is 0, and there is no other reward, so that every response is worth the same",
            "give it another weight; what is measured alone is named by [[eval.measure]]",
        );
    }
}

pub(super) fn check_collect(collect: &Collect, config: &Config, problems: &mut Problems) {
    problems.one_of(
        "collect",
        "mode",
        &collect.mode,
        &["online", "batch", "offline"],
    );
    let answering = ["labeler", "people", "store"];
    problems.one_of("collect", "by", &collect.by, &answering);
    problems.one_of(
        "collect",
        "choose",
        &collect.choose,
        &["random", "disagreement"],
    );
    if collect.by == "labeler" && config.labeler.is_none() {
        problems.add(
            "[collect] has a labeler answer, and there is none",
            "add `[labeler]`, or set collect.by = \"people\" to have people answer",
        );
    }
    // How many people are shown is said with what they are asked.
    let rated = config
        .people
        .as_ref()
        .is_some_and(|people| people.mode == "rating");
    let least = if rated { 1 } else { 2 };
    if !(least..=64).contains(&collect.responses) {
        problems.add(
            format!(
                "[collect] responses is {}, must be 2 to 64",
                collect.responses
            ),
            "the original compares 4",
        );
    }
    if collect.validation_share > 0.0 && !collect.responses.is_multiple_of(2) {
        problems.add(
            format!(
                "[collect] responses is {}, which has no half for the policy",
                collect.responses
            ),
            "use an even number, or collect.validation_share = 0.0",
        );
    }
    for (name, value) in [
        ("initial", collect.initial),
        ("reward_models", collect.models()),
        ("candidates", collect.candidates),
    ] {
        problems.at_least_one("collect", name, value);
        problems.at_most("collect", name, value, 1 << 32);
    }
    if collect.total < collect.initial {
        problems.add(
            format!(
                "[collect] total is {}, fewer than initial {}",
                collect.total, collect.initial
            ),
            format!("use collect.total = {} or more", collect.initial),
        );
    }
    if let ("offline", Some(models @ 2..)) = (collect.mode.as_str(), collect.reward_models) {
        problems.add(
            format!("[collect] reward_models is {models}, and mode offline trains one"),
            "leave collect.reward_models out, or set collect.mode to \"online\" or \"batch\"",
        );
    }
    if collect.mode == "batch" && collect.models() < 2 {
        problems.add(
            "[collect] mode batch with one reward model is mode offline",
            "use collect.reward_models = 2 or more",
        );
    }
    problems.share("collect", "validation_share", collect.validation_share);
    let noise = &collect.noise;
    if collect.by_people() && *noise != Noise::default() {
        problems.add(
            format!(
                "[collect.noise] says how a labeler errs, and collect.by = \"{}\" has people answer",
                collect.by
            ),
            "leave [collect.noise] out, or set collect.by = \"labeler\"",
        );
    }
    for (name, value) in [
        ("flip", noise.flip),
        ("first", noise.first),
        ("abstain", noise.abstain),
    ] {
        problems.share("collect.noise", name, value);
    }
    noise
        .skills
        .iter()
        .for_each(|skill| problems.share("collect.noise", "skills", *skill));
}

pub(super) fn check_reward(reward: &Reward, problems: &mut Problems) {
    for (name, value, most) in [
        ("heads", reward.heads as u64, 1024),
        ("batch_size", reward.batch_size, 1 << 20),
        ("epochs", reward.epochs, 10_000),
        ("rollout_batch", reward.rollout_batch, 1 << 20),
        ("micro_tokens", reward.micro_tokens, 1 << 30),
    ] {
        problems.at_least_one("reward", name, value);
        problems.at_most("reward", name, value, most);
    }
    problems.at_most(
        "reward",
        "normalize_samples",
        reward.normalize_samples,
        1 << 24,
    );
    problems.within("reward", "lr", reward.lr, 0.0..=1.0);
    for (name, weight) in &reward.weights {
        let key = format!("weights.{name}");
        problems.within("reward", &key, *weight, 0.0..=100.0);
    }
    problems.within("reward", "adam_epsilon", reward.adam_epsilon, 0.0..=1.0);
    if reward.trainable_layers == Some(0) {
        problems.add(
            "[reward] trainable_layers 0 would train nothing but the head",
            "leave it out to train all",
        );
    }
    if reward.patience > 0 && reward.validation.is_empty() {
        problems.add(
            format!(
                "[reward] patience is {}, and there are no validation labels",
                reward.patience
            ),
            "name some by reward.validation, or leave patience out",
        );
    }
    problems.one_of("reward", "loss", &reward.loss, &["softmax", "pairwise"]);
    let styles = ["tensorflow", "pytorch"];
    problems.one_of(
        "reward",
        "adam_epsilon_style",
        &reward.adam_epsilon_style,
        &styles,
    );
}

pub(super) fn check_sft(sft: &Sft, problems: &mut Problems) {
    for (name, value, most) in [
        ("batch_size", sft.batch_size, 1 << 20),
        ("epochs", sft.epochs, 10_000),
        ("micro_tokens", sft.micro_tokens, 1 << 30),
    ] {
        problems.at_least_one("sft", name, value);
        problems.at_most("sft", name, value, most);
    }
    problems.within("sft", "lr", sft.lr, 0.0..=1.0);
    problems.within("sft", "adam_epsilon", sft.adam_epsilon, 0.0..=1.0);
    problems.share("sft", "warmup", sft.warmup);
    problems.not_negative("sft", "max_grad_norm", sft.max_grad_norm);
    if sft.patience > 0 && sft.validation == 0 {
        problems.add(
            format!(
                "[sft] patience is {}, and there are no validation pairs",
                sft.patience
            ),
            "hold some back by sft.validation, or leave patience out",
        );
    }
    let schedules = ["cosine", "linear", "constant"];
    problems.one_of("sft", "schedule", &sft.schedule, &schedules);
    let styles = ["tensorflow", "pytorch"];
    problems.one_of(
        "sft",
        "adam_epsilon_style",
        &sft.adam_epsilon_style,
        &styles,
    );
}

/// A study whose reward is known makes its own labels, and says itself what each reward is.
pub(super) fn check_known_reward(config: &Config, problems: &mut Problems) {
    let Some(study) = config.study.as_ref().filter(|study| study.known_reward) else {
        return;
    };
    if config.labeler.is_none() {
        problems.add(
            "[study] known_reward takes the labeler for the true reward, and there is none",
            "add `[labeler]` with `plugin = \"valence\"`",
        );
    }
    let given = |list: &[std::path::PathBuf]| !list.is_empty();
    let reward = config.reward.iter();
    let labels = reward
        .clone()
        .any(|reward| given(&reward.train) || given(&reward.test));
    for (is_there, name) in [
        (!config.score.is_empty(), "[[score]]"),
        (labels, "[reward] train or test"),
        (!study.judges.is_empty(), "[study.judges]"),
    ] {
        if is_there {
            problems.add(
                format!("{name} is given, and [study] known_reward makes its own"),
                "leave it out",
            );
        }
    }
    if study.labels.is_empty() {
        problems.add(
            "[study] labels is empty",
            "write `labels = [64, 512]`: a reward model learns from so many each",
        );
    }
    problems.at_least_one("study", "test_labels", study.test_labels);
    let scaled = |reward: &Reward| reward.normalize_after && reward.normalize_samples > 0;
    if !config.reward.iter().all(scaled) {
        problems.add(
            "[reward] leaves the scale of rewards alone, and [study] known_reward compares them with the \
             true reward",
            "leave out normalize_after = false and normalize_samples = 0",
        );
    }
    if let Some(collect) = config
        .collect
        .as_ref()
        .filter(|collect| collect.by_people())
    {
        problems.add(
            format!(
                "[collect] by = \"{}\" has people answer, and [study] known_reward the labeler",
                collect.by
            ),
            "leave one of them out",
        );
    }
}

/// What an experiment would train and never use, or leave out without a word.
pub(super) fn check_parts(config: &Config, problems: &mut Problems) {
    let one_head = config
        .reward
        .as_ref()
        .is_none_or(|reward| reward.heads == 1);
    let alone = |score: &Score| score.reward_models.is_empty();
    let choosy = |collect: &Collect| collect.choose == "disagreement";
    if config.collect.as_ref().is_some_and(choosy) && one_head && config.score.iter().all(alone) {
        problems.add(
            "[collect] chooses by disagreement, and the reward model has one head",
            "use reward.heads = 2 or more, or collect.choose = \"random\"",
        );
    }
    let cautious = |score: &Score| score.trained && score.caution != 0.0;
    if config.score.iter().any(cautious) && one_head {
        problems.add(
            "[[score]] has caution, and the reward model that is trained has one head, which never disagrees",
            "use reward.heads = 2 or more, or leave caution out",
        );
    }
    let trains = config.reward.is_some() || config.collect.is_some();
    let uses = config.score.is_empty() || config.score.iter().any(|score| score.trained);
    if trains && config.task.is_some() && !uses {
        problems.add(
            "a reward model is trained, and no [[score]] says that the policy is trained against it",
            "add `[[score]]` with `trained = true`, or leave [[score]] out",
        );
    }
    let Some(study) = &config.study else {
        return;
    };
    if config.collect.is_some() && !study.known_reward {
        problems.add(
            "[study] compares reward models from given labels, and [collect] makes its own",
            "leave one of them out",
        );
    }
    if config.reward.iter().any(|reward| reward.num_train > 0) {
        problems.add(
            "[reward] num_train is given, and [study] labels says how many labels each model learns from",
            "leave num_train out",
        );
    }
}
