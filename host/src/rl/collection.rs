//! When an online run collects labels, when it trains its reward model anew, and which comparisons
//! measure the policy. Plain numbers; does not know who answers, or what is compared.

/// How labels are spread over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All before the first episode.
    Offline,
    /// A few before every update, most of them early: `l(n) = N0 + (N - N0) (1 - (1 - n/N_pi)^2)`.
    Online,
    /// As many large batches as there are reward models, evenly over the episodes.
    Batch,
}

/// What a run plans to collect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Collection {
    /// How labels are spread.
    pub mode: Mode,
    /// Labels before the first episode, `N0`.
    pub initial: u64,
    /// Labels at the end, `N`.
    pub total: u64,
    /// Reward models that are trained, the first included.
    pub models: u64,
    /// Episodes of the run, `N_pi`.
    pub episodes: u64,
    /// Share of the later labels whose comparison is two responses of the reference against two of
    /// the policy.
    pub validation_share: f64,
}

impl Collection {
    /// Labels that the run must have before it goes on after `episode` episodes.
    #[must_use]
    pub fn due(&self, episode: u64) -> u64 {
        let episode = episode.min(self.episodes);
        match self.mode {
            Mode::Offline => self.total,
            // In whole numbers: a product that is just below one would cost a label.
            Mode::Online => {
                let [all, left] = [self.episodes, self.episodes - episode].map(u128::from);
                let later = u128::from(self.total - self.initial);
                self.initial + (later * (all * all - left * left) / (all * all)) as u64
            }
            Mode::Batch => self.batch(episode * self.models / self.episodes),
        }
    }

    /// Labels after so many batches; the last comes before the last share of the episodes.
    fn batch(&self, number: u64) -> u64 {
        let last = self.models - 1;
        let number = number.min(last);
        if last == 0 {
            return self.total;
        }
        self.initial + (self.total - self.initial) * number / last
    }

    /// Labels that reward model `number`, from 0, is trained on: at evenly spaced counts of labels.
    #[must_use]
    pub fn learned_by(&self, number: u64) -> u64 {
        match self.mode {
            Mode::Offline => self.total,
            Mode::Online => self.initial + (self.total - self.initial) * number / self.models,
            Mode::Batch => self.batch(number),
        }
    }

    /// The newest reward model that so many labels allow.
    #[must_use]
    pub fn newest(&self, labels: u64) -> u64 {
        let last = match self.mode {
            Mode::Offline => 0,
            Mode::Online | Mode::Batch => self.models - 1,
        };
        (0..=last)
            .rev()
            .find(|&number| self.learned_by(number) <= labels)
            .unwrap_or(0)
    }

    /// At which updates of `batch_size` episodes a new reward model takes over: update and number of
    /// the model, the first at update 0. One that another follows within the same update is left out.
    #[must_use]
    pub fn takeovers(&self, updates: u64, batch_size: u64) -> Vec<(u64, u64)> {
        let mut found: Vec<(u64, u64)> = Vec::new();
        for update in 0..updates {
            let newest = self.newest(self.due(update * batch_size));
            if found.last().is_none_or(|(_, last)| *last < newest) {
                found.push((update, newest));
            }
        }
        found
    }

    /// Whether label `number`, from 0, measures the policy: evenly among those after the initial ones.
    #[must_use]
    pub fn is_validation(&self, number: u64) -> bool {
        let Some(later) = number.checked_sub(self.initial) else {
            return false;
        };
        if self.mode == Mode::Offline {
            return false;
        }
        let (part, whole) = fraction(self.validation_share);
        let before = |count: u64| u128::from(count) * part / whole;
        before(later + 1) > before(later)
    }
}

/// A share as it is written, in whole numbers: 0.29 is 29 of 100, and not the number of f64 that is just
/// below. Digits after the 18th count for nothing.
fn fraction(share: f64) -> (u128, u128) {
    let written = share.clamp(0.0, 1.0).to_string();
    let (units, digits) = written.split_once('.').unwrap_or((&written, ""));
    let digits = &digits[..digits.len().min(18)];
    let whole = 10u128.pow(digits.len() as u32);
    let number = |digits: &str| digits.parse::<u128>().unwrap_or(0);
    (number(units) * whole + number(digits), whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rl::schedule;
    use proptest::prelude::*;

    fn collection(mode: Mode) -> Collection {
        Collection {
            mode,
            initial: 500,
            total: 5000,
            models: 20,
            episodes: 100_000,
            validation_share: 0.1,
        }
    }

    #[test]
    fn labels_follow_the_formula() {
        let online = collection(Mode::Online);
        assert_eq!(online.due(0), 500);
        for episode in (0..=100_000).step_by(997) {
            let exact = schedule::labels(500, 5000, episode, 100_000);
            assert!(
                (online.due(episode) as f64 - exact).abs() < 1.0,
                "{episode}"
            );
        }
        // 500 + 4500 (1 - 0.9^2) and so on.
        assert_eq!(online.due(10_000), 1355);
        assert_eq!(online.due(50_000), 3875);
        assert_eq!(online.due(100_000), 5000);
        assert_eq!(online.learned_by(0), 500);
        assert_eq!(online.learned_by(1), 725);
        assert_eq!(online.learned_by(19), 4775);
        assert_eq!(online.newest(724), 0);
        assert_eq!(online.newest(725), 1);
        assert_eq!(online.newest(5000), 19);
        let offline = collection(Mode::Offline);
        assert_eq!((offline.due(0), offline.newest(5000)), (5000, 0));
        assert!(!(0..5000).any(|number| offline.is_validation(number)));
        let batch = collection(Mode::Batch);
        assert_eq!((batch.due(0), batch.due(4999)), (500, 500));
        assert_eq!(batch.due(5000), 500 + 4500 / 19);
        assert_eq!(
            (batch.due(94_999), batch.due(95_000)),
            (500 + 4500 * 18 / 19, 5000)
        );
    }

    #[test]
    fn a_constant_share_measures_the_policy() {
        let online = collection(Mode::Online);
        let measured = |to: u64| (0..to).filter(|&n| online.is_validation(n)).count();
        assert_eq!(
            (measured(500), measured(1500), measured(5000)),
            (0, 100, 450)
        );
    }

    #[test]
    fn shares_are_what_is_written() {
        // Every share of two decimals, and some longer ones, of the later labels: counted in whole numbers.
        let hundredths = (0..=100u64).map(|part| (part, 100));
        let longer = [(1, 1000), (999, 1000), (125, 1000), (3333, 10_000)];
        for (part, whole) in hundredths.chain(longer) {
            let share: f64 = (part as f64) / (whole as f64);
            let online = Collection {
                validation_share: share,
                ..collection(Mode::Online)
            };
            for later in [1, 7, 50, 99, 100, 1000, 4500] {
                let first = 500..500 + later;
                let found = first.filter(|&n| online.is_validation(n)).count();
                assert_eq!(found as u64, part * later / whole, "{share} of {later}");
            }
        }
        assert_eq!(fraction(0.29), (29, 100));
        assert_eq!([0.0, 1.0, -1.0].map(fraction), [(0, 1), (1, 1), (0, 1)]);
        assert_eq!(fraction(1e-300).0, 0);
    }

    #[test]
    fn every_model_takes_over_at_its_point() {
        let online = collection(Mode::Online);
        let found = online.takeovers(1000, 100);
        assert_eq!(found.len(), 20);
        for (update, model) in found {
            assert!(online.due(update * 100) >= online.learned_by(model));
            assert!(update == 0 || online.due((update - 1) * 100) < online.learned_by(model));
        }
        // Too few updates for all: the newest counts.
        let few = online.takeovers(4, 25_000);
        assert_eq!(few.first(), Some(&(0, 0)));
        assert!(few.len() <= 4 && few.is_sorted());
    }

    proptest! {
        #[test]
        fn no_label_is_early_or_missing(
            mode in prop_oneof![Just(Mode::Online), Just(Mode::Batch), Just(Mode::Offline)],
            initial in 1u64..100, more in 0u64..500, models in 1u64..30, updates in 1u64..50
        ) {
            let collection = Collection {
                mode, initial, total: initial + more, models, episodes: updates * 8,
                validation_share: 0.25,
            };
            let due: Vec<u64> = (0..=updates).map(|update| collection.due(update * 8)).collect();
            prop_assert!(due.is_sorted());
            if models > 1 || mode != Mode::Batch {
                prop_assert_eq!(due[updates as usize], initial + more);
            }
            let takeovers = collection.takeovers(updates, 8);
            prop_assert_eq!(takeovers[0].0, 0);
            for (update, model) in takeovers {
                prop_assert!(collection.learned_by(model) <= due[update as usize]);
            }
        }
    }
}
