//! What follows from a config, and what cannot work in it. Every problem is found at once, before
//! a model or a plugin is loaded.

use anyhow::{Context, Result};

use super::problems::Problems;
use super::{Collect, Config, Data, Kl, PluginRef, Ppo, Reward, Sampling, Score};

/// Numbers derived from a [`Config`].
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Updates in the run: episodes over batch size, rounded up.
    pub updates: u64,
    /// Episodes in a minibatch.
    pub minibatch_size: u64,
    /// Episodes that are generated at a time.
    pub rollout_batch: u64,
    /// Optimizer steps in the run.
    pub optimizer_steps: u64,
}

impl Config {
    /// The plugin that makes queries.
    pub fn task(&self) -> Result<&PluginRef> {
        let hint = "add `[task]` with `plugin = \"continuation\"`";
        self.task
            .as_ref()
            .with_context(|| format!("there is no [task] to make queries\nhint: {hint}"))
    }

    /// The rows that queries are made from.
    pub fn data(&self) -> Result<&Data> {
        let hint = "add `[data]` with `train = \"FILE\"`";
        self.data
            .as_ref()
            .with_context(|| format!("there is no [data] to make queries from\nhint: {hint}"))
    }

    /// How labels are collected, or everything that cannot work in it.
    pub fn collect(&self) -> Result<&Collect> {
        let collect = self
            .collect
            .as_ref()
            .context("there is no [collect]\nhint: add it")?;
        let mut problems = Problems(Vec::new());
        check_collect(collect, self.labeler.is_some(), &mut problems);
        self.check_reward(&mut problems);
        problems.none()?;
        self.task()?;
        self.data()?;
        Ok(collect)
    }

    /// How the reward model is trained, or everything that cannot work in it.
    pub fn reward(&self) -> Result<&Reward> {
        let mut problems = Problems(Vec::new());
        let reward = self.check_reward(&mut problems);
        if reward.is_some_and(|reward| reward.train.is_empty()) && self.collect.is_none() {
            problems.add(
                "[reward] train names no labels",
                "write `train = [\"labels.db\"]`",
            );
        }
        problems.none()?;
        reward.context(
            "there is no [reward] to train\nhint: add `[reward]` with `train = [\"labels.db\"]`",
        )
    }

    fn check_reward(&self, problems: &mut Problems) -> Option<&Reward> {
        if let Some(reward) = &self.reward {
            check_reward(reward, problems);
        }
        check_sampling(&self.sampling, problems);
        self.check_run(problems);
        self.reward.as_ref()
    }

    /// Derives the plan, or lists everything that cannot work.
    pub fn plan(&self) -> Result<Plan> {
        let mut problems = Problems(Vec::new());
        check_ppo(&self.ppo, &mut problems);
        check_sampling(&self.sampling, &mut problems);
        check_kl(&self.kl, &mut problems);
        self.check_rest(&mut problems);
        problems.none()?;
        self.task()?;
        self.data()?;
        let ppo = &self.ppo;
        let updates = ppo.total_episodes.div_ceil(ppo.batch_size);
        let rollout_batch = match self.sampling.rollout_batch {
            0 => ppo.batch_size,
            n => n,
        };
        Ok(Plan {
            updates,
            minibatch_size: ppo.batch_size / ppo.minibatches,
            rollout_batch,
            optimizer_steps: updates * ppo.epochs * ppo.minibatches,
        })
    }

    fn check_rest(&self, problems: &mut Problems) {
        if self.labeler.is_none() && self.score.is_empty() && self.shaper.is_empty() {
            problems.add(
                "there is no reward: none of [labeler], [[score]] and [[shaper]] is given",
                "add `[labeler]` with `plugin = \"valence\"`",
            );
        }
        for (place, score) in self.score.iter().enumerate() {
            check_score(score, place, self.labeler.is_some(), problems);
        }
        if let Some(task) = &self.task
            && task.weight != 1.0
        {
            problems.add(
                format!(
                    "[task] weight is {}, but a task gives no reward",
                    task.weight
                ),
                "leave it out",
            );
        }
        for plugin in self.labeler.iter().chain(&self.shaper) {
            if !(-1e6..=1e6).contains(&plugin.weight) {
                problems.add(
                    format!(
                        "weight {} of `{}` must be a number from -1e6 to 1e6",
                        plugin.weight, plugin.plugin
                    ),
                    "use a number, such as 1.0",
                );
            }
        }
        let limits = &self.plugins;
        self.check_run(problems);
        problems.at_least_one("eval", "queries", self.eval.queries);
        problems.at_least_one("plugins", "memory_mib", limits.memory_mib);
        if self.model.trainable_layers == Some(0) {
            problems.add(
                "[model] trainable_layers 0 would train nothing",
                "leave it out to train all",
            );
        }
        if limits.deadline_ms < 50 {
            problems.add(
                format!("[plugins] deadline_ms {} is below 50", limits.deadline_ms),
                "use at least 50",
            );
        }
        problems.share("plugins", "max_error_rate", limits.max_error_rate);
    }

    fn check_run(&self, problems: &mut Problems) {
        problems.one_of("run", "dtype", &self.run.dtype, &["f32", "bf16"]);
        let run = &self.run;
        problems.at_least_one("run", "checkpoint_every", run.checkpoint_every);
        problems.at_most("run", "threads", run.threads as u64, 1024);
        problems.at_least_one("run", "keep_checkpoints", run.keep_checkpoints as u64);
    }
}

fn check_ppo(ppo: &Ppo, problems: &mut Problems) {
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

fn check_sampling(sampling: &Sampling, problems: &mut Problems) {
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

fn check_kl(kl: &Kl, problems: &mut Problems) {
    problems.not_negative("kl", "coef", kl.coef);
    problems.not_negative("kl", "target", kl.target);
    problems.within("kl", "horizon", kl.horizon, 1.0..=1e12);
}

fn check_score(score: &Score, place: usize, labeler: bool, problems: &mut Problems) {
    let name = format!("[[score]] {}", place + 1);
    let sources = [
        !score.reward_models.is_empty(),
        score.trained,
        score.labeler,
        score.metric.is_some(),
    ];
    if sources.iter().filter(|given| **given).count() != 1 {
        problems.add(
            format!("{name} must have just one of reward_models, trained, labeler and metric"),
            "write an own [[score]] for each source",
        );
    }
    if score.labeler && !labeler {
        problems.add(
            format!("{name} asks for the labeler, and there is none"),
            "add `[labeler]`",
        );
    }
    if score.trained {
        problems.add(
            format!("{name} asks for the reward model that is trained before, and none is"),
            "let `attune run` do both, or name a folder by reward_models",
        );
    }
    problems.within(&name, "weight", score.weight, -1e6..=1e6);
    problems.within(&name, "caution", score.caution, -1e3..=1e3);
}

fn check_collect(collect: &Collect, labeler: bool, problems: &mut Problems) {
    problems.one_of(
        "collect",
        "mode",
        &collect.mode,
        &["online", "batch", "offline"],
    );
    problems.one_of("collect", "by", &collect.by, &["labeler", "store"]);
    problems.one_of(
        "collect",
        "choose",
        &collect.choose,
        &["random", "disagreement"],
    );
    if collect.by == "labeler" && !labeler {
        problems.add(
            "[collect] has a labeler answer, and there is none",
            "add `[labeler]`, or set collect.by = \"store\" to have people answer",
        );
    }
    if collect.responses < 2 || collect.responses > 64 {
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
        ("reward_models", collect.reward_models),
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
    if collect.mode == "batch" && collect.reward_models < 2 {
        problems.add(
            "[collect] mode batch with one reward model is mode offline",
            "use collect.reward_models = 2 or more",
        );
    }
    problems.share("collect", "validation_share", collect.validation_share);
    let noise = &collect.noise;
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

fn check_reward(reward: &Reward, problems: &mut Problems) {
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

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn config(rest: &str) -> Config {
        let text = format!(
            "[run]\ndir='r'\n[model]\npath='m'\n[data]\ntrain='d'\n[task]\nplugin='t'\n\
             [labeler]\nplugin='l'\n{rest}"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn rounds_updates_up() {
        assert_eq!(config("").plan().unwrap().updates, 1954);
    }

    #[test]
    fn names_every_problem_at_once() {
        let config = config("[ppo]\nbatch_size=500\nminibatches=8\ngamma=2.0\n[kl]\nhorizon=0.0");
        let message = config.plan().unwrap_err().to_string();
        for part in ["batch_size 500", "use 496 or 504", "gamma 2", "horizon 0"] {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
}
