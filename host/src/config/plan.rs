//! What follows from a config, and what cannot work in it. Every problem is found at once, before
//! a model or a plugin is loaded.

use std::ops::RangeInclusive;

use anyhow::{Result, bail};

use super::{Config, Kl, Ppo, Sampling};

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
    /// Derives the plan, or lists everything that cannot work.
    pub fn plan(&self) -> Result<Plan> {
        let mut problems = Problems(Vec::new());
        check_ppo(&self.ppo, &mut problems);
        check_sampling(&self.sampling, &mut problems);
        check_kl(&self.kl, &mut problems);
        self.check_rest(&mut problems);
        if !problems.0.is_empty() {
            bail!("{}", problems.0.join("\n"));
        }
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
        if self.labeler.is_none() && self.shaper.is_empty() {
            problems.add(
                "there is no reward: neither [labeler] nor [[shaper]] is given",
                "add `[labeler]` with `plugin = \"valence\"`",
            );
        }
        if self.task.weight != 1.0 {
            problems.add(
                format!(
                    "[task] weight is {}, but a task gives no reward",
                    self.task.weight
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
        if !["f32", "bf16"].contains(&self.run.dtype.as_str()) {
            problems.add(
                format!("[run] dtype `{}` is unknown", self.run.dtype),
                "use f32 or bf16",
            );
        }
        let (run, limits) = (&self.run, &self.plugins);
        problems.at_least_one("run", "checkpoint_every", run.checkpoint_every);
        problems.at_most("run", "threads", run.threads as u64, 1024);
        problems.at_least_one("run", "keep_checkpoints", run.keep_checkpoints as u64);
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
}

/// What cannot work, each with what to do about it.
struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, what: impl std::fmt::Display, hint: impl std::fmt::Display) {
        self.0.push(format!("{what}\nhint: {hint}"));
    }

    fn at_least_one(&mut self, section: &str, name: &str, value: u64) {
        if value == 0 {
            self.add(
                format!("[{section}] {name} is 0, must be at least 1"),
                format!("use {section}.{name} = 1 or more"),
            );
        }
    }

    fn not_negative(&mut self, section: &str, name: &str, value: f64) {
        if !value.is_finite() || value < 0.0 {
            self.add(
                format!("[{section}] {name} {value} must be a number, at least 0"),
                format!("use {section}.{name} = 0.0 or more"),
            );
        }
    }

    fn within(&mut self, section: &str, name: &str, value: f64, range: RangeInclusive<f64>) {
        if !range.contains(&value) {
            let (least, most) = range.into_inner();
            self.add(
                format!("[{section}] {name} {value} must be a number from {least} to {most}"),
                format!("leave {section}.{name} out for its default"),
            );
        }
    }

    fn at_most(&mut self, section: &str, name: &str, value: u64, most: u64) {
        if value > most {
            self.add(
                format!("[{section}] {name} is {value}, must be at most {most}"),
                format!("use {section}.{name} = {most} or less"),
            );
        }
    }

    fn share(&mut self, section: &str, name: &str, value: f64) {
        if !(0.0..=1.0).contains(&value) {
            self.add(
                format!("[{section}] {name} {value} is not in 0..1"),
                format!("use {section}.{name} from 0.0 to 1.0"),
            );
        }
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
    if !["tensorflow", "pytorch"].contains(&ppo.adam_epsilon_style.as_str()) {
        problems.add(
            format!(
                "[ppo] adam_epsilon_style `{}` is unknown",
                ppo.adam_epsilon_style
            ),
            "use tensorflow or pytorch",
        );
    }
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
