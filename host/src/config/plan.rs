//! What follows from a config, and what cannot work in it. Every problem is found at once, before
//! a model or a plugin is loaded.

use anyhow::{Context, Result, bail};

use super::check::{
    check_collect, check_kl, check_known_reward, check_parts, check_ppo, check_reward,
    check_sampling, check_score, check_sft, check_weights,
};
use super::problems::Problems;
use super::{Collect, Compare, Config, Data, People, PluginRef, Reward, Sft, Training};

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

    /// All its plugins, whatever they are for.
    pub fn plugins(&self) -> impl Iterator<Item = &PluginRef> {
        let playing = self.task.iter().chain(&self.labeler).chain(&self.shaper);
        let judges = self.compare.iter().flat_map(|compare| &compare.judge);
        let judges = judges.filter_map(|judge| judge.labeler.as_ref());
        playing.chain(&self.eval.measure).chain(judges)
    }

    /// The rows that queries are made from.
    pub fn data(&self) -> Result<&Data> {
        let hint = "add `[data]` with `train = \"FILE\"`";
        let data = self.data.as_ref();
        let data =
            data.with_context(|| format!("there is no [data] to make queries from\nhint: {hint}"))?;
        match (data.train.is_none(), data.generate) {
            (true, 0) => bail!(
                "[data] names no file to train on\nhint: say `train = \"FILE\"`, or how many rows to `generate`"
            ),
            (false, 1..) => bail!("[data] has train and generate\nhint: leave one of them out"),
            _ => Ok(data),
        }
    }

    /// How labels are collected, or everything that cannot work in it.
    pub fn collect(&self) -> Result<&Collect> {
        let collect = self
            .collect
            .as_ref()
            .context("there is no [collect]\nhint: add it")?;
        let mut problems = Problems(Vec::new());
        check_collect(collect, self, &mut problems);
        if let Some(people) = &self.people {
            people.check(self, &mut problems);
        }
        self.check_reward(&mut problems);
        problems.none()?;
        self.task()?;
        self.data()?;
        Ok(collect)
    }

    /// What people are told and asked, or everything that cannot work in it; the defaults where nothing is said.
    pub fn people(&self) -> Result<People> {
        let mut problems = Problems(Vec::new());
        let people = self.people.clone().unwrap_or_default();
        people.check(self, &mut problems);
        problems.none()?;
        Ok(people)
    }

    /// How the reward model is trained, or everything that cannot work in it.
    pub fn reward(&self) -> Result<&Reward> {
        let mut problems = Problems(Vec::new());
        let reward = self.check_reward(&mut problems);
        let collects = self.collect.is_some() || self.knows_reward();
        if reward.is_some_and(|reward| reward.train.is_empty()) && !collects {
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

    /// How a policy is fine-tuned on what people wrote, or everything that cannot work in it.
    pub fn sft(&self) -> Result<&Sft> {
        let mut problems = Problems(Vec::new());
        if let Some(sft) = &self.sft {
            check_sft(sft, &mut problems);
        }
        self.check_run(&mut problems);
        problems.none()?;
        self.task()?;
        self.data()?;
        self.sft
            .as_ref()
            .context("there is no [sft] to train by\nhint: add `[sft]`; all its keys have defaults")
    }

    /// What is compared, or everything that cannot work in it. Whatever is a part is named by its folder.
    pub fn compare(&self) -> Result<Compare> {
        let mut problems = Problems(Vec::new());
        if let Some(compare) = &self.compare {
            let parts = self.part.iter();
            let parts: Vec<(&str, bool)> = parts
                .map(|part| (part.name.as_str(), part.train == Training::All))
                .collect();
            compare.check(self.labeler.is_some(), &parts, &mut problems);
        }
        check_sampling(&self.sampling, &mut problems);
        problems.at_least_one("eval", "queries", self.eval.queries);
        self.check_run(&mut problems);
        problems.none()?;
        self.task()?;
        self.data()?;
        let compare = self.compare.as_ref().context(
            "there is no [compare] to evaluate\nhint: add a `[[compare.entry]]` for each model, run or baseline",
        )?;
        Ok(self.with_folders(compare))
    }

    /// Everything that cannot work in an experiment of several parts.
    pub fn check_study(&self) -> Result<()> {
        let mut problems = Problems(Vec::new());
        check_known_reward(self, &mut problems);
        check_parts(self, &mut problems);
        problems.none()
    }

    /// Whether the labeler plays people, in a study.
    #[must_use]
    pub fn knows_reward(&self) -> bool {
        self.study.as_ref().is_some_and(|study| study.known_reward)
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
        self.alarms.check(&mut problems);
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
        check_weights(self, problems);
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
        problems.at_most("plugins", "memory_mib", limits.memory_mib, 4096);
        problems.at_least_one("plugins", "calls_per_instance", limits.calls_per_instance);
        if self.model.trainable_layers == Some(0) {
            problems.add(
                "[model] trainable_layers 0 would train nothing",
                "leave it out to train all",
            );
        }
        problems.at_most("plugins", "deadline_ms", limits.deadline_ms, 86_400_000);
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

    #[test]
    fn a_reward_that_is_always_the_same_is_refused() {
        let problem = |rest: &str| config(rest).plan().map(|_| ()).unwrap_err().to_string();
        let nothing = "[[score]]\nlabeler=true\nweight=0.0\n[[score]]\nmetric='m'\nweight=0.0";
        let message = problem(nothing);
        assert!(
            message.contains("no [[score]] has a weight other than 0"),
            "{message}"
        );
        assert!(problem("weight=0.0").contains("[labeler] weight is 0"));
        let shaped = format!("{nothing}\n[[shaper]]\nplugin='s'");
        assert!(config(&shaped).plan().is_ok());
        let message = problem("[[score]]\nlabeler=true\nweight=nan");
        let said = "[[score]] 1: weight NaN must be a number from";
        assert!(
            message.contains(said) && message.contains("leave weight out"),
            "{message}"
        );
    }

    #[test]
    fn caution_is_about_heads_that_can_disagree() {
        let cautious = "[reward]\ntrain=['l']\n[[score]]\ntrained=true\ncaution=1.0";
        let message = config(cautious).check_study().unwrap_err().to_string();
        assert!(message.contains("[[score]] has caution"), "{message}");
        let several = cautious.replace("[[score]]", "heads=2\n[[score]]");
        assert!(config(&several).check_study().is_ok());
    }

    #[test]
    fn what_a_way_of_collecting_has_no_use_for_is_refused() {
        let problem = |rest: &str| config(rest).collect().map(|_| ()).unwrap_err().to_string();
        let message = problem("[collect]\nby='store'\n[collect.noise]\nabstain=0.1");
        assert!(
            message.contains("[collect.noise] says how a labeler errs"),
            "{message}"
        );
        let message = problem("[collect]\nmode='offline'\nreward_models=20");
        assert!(message.contains("mode offline trains one"), "{message}");
        for fine in [
            "[collect]\nby='store'",
            "[collect]\nby='people'",
            "[collect]\nmode='offline'",
        ] {
            assert!(config(fine).collect().is_ok(), "{fine}");
        }
    }
}
