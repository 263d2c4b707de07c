//! What follows from a config, and what cannot work in it. Every problem is found at once, before
//! a model or a plugin is loaded.

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
        let mut problems = Vec::new();
        check_ppo(&self.ppo, &mut problems);
        check_sampling(&self.sampling, &mut problems);
        check_kl(&self.kl, &mut problems);
        self.check_rest(&mut problems);
        if !problems.is_empty() {
            bail!("{}", problems.join("\n"));
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

    fn check_rest(&self, problems: &mut Vec<String>) {
        if self.labeler.is_none() && self.shaper.is_empty() {
            problems.push(
                "there is no reward: neither [labeler] nor [[shaper]] is given\nhint: add \
                 `[labeler]` with `plugin = \"valence\"`"
                    .into(),
            );
        }
        for plugin in self.labeler.iter().chain(&self.shaper) {
            if !plugin.weight.is_finite() {
                problems.push(format!(
                    "weight {} of `{}` is not finite",
                    plugin.weight, plugin.plugin
                ));
            }
        }
        if !["f32", "bf16"].contains(&self.run.dtype.as_str()) {
            problems.push(format!(
                "[run] dtype `{}` is unknown\nhint: use f32 or bf16",
                self.run.dtype
            ));
        }
        if self.run.checkpoint_every == 0 || self.run.keep_checkpoints == 0 {
            problems.push("[run] checkpoint_every and keep_checkpoints must be at least 1".into());
        }
        if self.model.trainable_layers == Some(0) {
            problems.push(
                "[model] trainable_layers 0 would train nothing\nhint: leave it out to train all"
                    .into(),
            );
        }
        let limits = &self.plugins;
        if limits.deadline_ms < 50 {
            problems.push(format!(
                "[plugins] deadline_ms {} is below 50",
                limits.deadline_ms
            ));
        }
        if limits.memory_mib == 0 {
            problems.push("[plugins] memory_mib must be at least 1".into());
        }
        if !(0.0..=1.0).contains(&limits.max_error_rate) {
            problems.push(format!(
                "[plugins] max_error_rate {} is not in 0..1",
                limits.max_error_rate
            ));
        }
    }
}

fn check_ppo(ppo: &Ppo, problems: &mut Vec<String>) {
    for (name, value) in [
        ("total_episodes", ppo.total_episodes),
        ("batch_size", ppo.batch_size),
        ("epochs", ppo.epochs),
        ("minibatches", ppo.minibatches),
        ("whiten_groups", ppo.whiten_groups),
    ] {
        if value == 0 {
            problems.push(format!("[ppo] {name} must be at least 1"));
        }
    }
    if ppo.batch_size == 0 || ppo.minibatches == 0 || ppo.whiten_groups == 0 {
        return;
    }
    let parts = ppo.minibatches * ppo.whiten_groups;
    if !ppo.batch_size.is_multiple_of(parts) {
        let below = ppo.batch_size / parts * parts;
        let above = below + parts;
        let hint = if below == 0 {
            format!("use {above}")
        } else {
            format!("use {below} or {above}")
        };
        problems.push(format!(
            "[ppo] batch_size {} is not a multiple of minibatches {} x whiten_groups {}\nhint: {hint}",
            ppo.batch_size, ppo.minibatches, ppo.whiten_groups
        ));
    } else if ppo.batch_size / parts < 2 {
        problems.push(format!(
            "[ppo] batch_size {} leaves {} episode to whiten over; it takes at least 2\nhint: use \
             batch_size {} or fewer minibatches",
            ppo.batch_size,
            ppo.batch_size / parts,
            2 * parts
        ));
    }
    for (name, value) in [
        ("lr", ppo.lr),
        ("vf_coef", ppo.vf_coef),
        ("clip_range", ppo.clip_range),
        ("clip_range_value", ppo.clip_range_value),
        ("adam_epsilon", ppo.adam_epsilon),
        ("max_grad_norm", ppo.max_grad_norm),
    ] {
        if !value.is_finite() || value < 0.0 {
            problems.push(format!("[ppo] {name} {value} must be a number, at least 0"));
        }
    }
    for (name, value) in [("gamma", ppo.gamma), ("lam", ppo.lam)] {
        if !(0.0..=1.0).contains(&value) {
            problems.push(format!("[ppo] {name} {value} is not in 0..1"));
        }
    }
    if !["tensorflow", "pytorch"].contains(&ppo.adam_epsilon_style.as_str()) {
        problems.push(format!(
            "[ppo] adam_epsilon_style `{}` is unknown\nhint: use tensorflow or pytorch",
            ppo.adam_epsilon_style
        ));
    }
}

fn check_sampling(sampling: &Sampling, problems: &mut Vec<String>) {
    if !sampling.temperature.is_finite() || sampling.temperature <= 0.0 {
        problems.push(format!(
            "[sampling] temperature {} must be above 0: PPO needs a distribution to learn from",
            sampling.temperature
        ));
    }
    if sampling.top_k < 0 {
        problems.push(format!(
            "[sampling] top_k {} must be at least 0",
            sampling.top_k
        ));
    }
    if !(0.0..=1.0).contains(&sampling.top_p) {
        problems.push(format!(
            "[sampling] top_p {} is not in 0..1",
            sampling.top_p
        ));
    }
}

fn check_kl(kl: &Kl, problems: &mut Vec<String>) {
    if !kl.coef.is_finite() || kl.coef < 0.0 {
        problems.push(format!(
            "[kl] coef {} must be a number, at least 0",
            kl.coef
        ));
    }
    if let Some(target) = kl.target
        && (!target.is_finite() || target <= 0.0)
    {
        problems.push(format!("[kl] target {target} must be above 0"));
    }
    if !kl.horizon.is_finite() || kl.horizon <= 0.0 {
        problems.push(format!("[kl] horizon {} must be above 0", kl.horizon));
    }
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
