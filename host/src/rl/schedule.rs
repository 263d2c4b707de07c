//! Schedules: the learning rate, and how many labels an online run has asked for.
//!
//! Plain numbers; does not know what a step or an episode is made of.

/// Linear decay to 0: `initial * (1 - step / total)`.
pub fn linear(initial: f64, step: u64, total: u64) -> f64 {
    initial * (1.0 - step as f64 / total as f64)
}

/// How a learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decay {
    /// As [`linear`].
    Linear,
    /// Half a wave: `initial * (1 + cos(pi * step / total)) / 2`.
    Cosine,
    /// Not at all.
    Constant,
}

/// The rate of a step: it rises linearly over the first `warmup` of all steps, then falls over the others.
pub fn warmed(largest: f64, decay: Decay, warmup: f64, (step, total): (u64, u64)) -> f64 {
    let rising = (warmup * total as f64).round() as u64;
    if step < rising {
        return largest * (step + 1) as f64 / rising as f64;
    }
    let (step, total) = (step - rising, total - rising);
    match decay {
        Decay::Linear => linear(largest, step, total),
        Decay::Cosine => {
            let wave = (std::f64::consts::PI * step as f64 / total as f64).cos();
            largest * 0.5 * (1.0 + wave)
        }
        Decay::Constant => largest,
    }
}

/// Labels wanted after `episode` of `episodes`: `N0 + (N - N0) (1 - (1 - n/N_pi)^2)`, so that
/// most are asked for early.
pub fn labels(initial: u64, total: u64, episode: u64, episodes: u64) -> f64 {
    let left = 1.0 - (episode as f64 / episodes as f64).min(1.0);
    initial as f64 + (total as f64 - initial as f64) * (1.0 - left * left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_learning_rates() {
        let ppo = [
            (0, 1e-5),
            (1, 9.994882292732858e-6),
            (977, 5e-6),
            (1953, 5.117707e-9),
        ];
        assert!(
            ppo.iter()
                .all(|(step, want)| (linear(1e-5, *step, 1954) - want).abs() < 1e-14)
        );
        let reward = [
            (0, 5e-5),
            (1, 4.9679487179e-5),
            (78, 2.5e-5),
            (155, 3.205128e-7),
        ];
        // The last is recorded to 13 decimal places.
        assert!(
            reward
                .iter()
                .all(|(step, want)| (linear(5e-5, *step, 156) - want).abs() < 5e-14)
        );
    }

    #[test]
    fn rates_rise_and_fall() {
        let rates = |decay, warmup| {
            let rate = |step| warmed(2.0, decay, warmup, (step, 8));
            (0..8).map(rate).collect::<Vec<f64>>()
        };
        assert_eq!(rates(Decay::Constant, 0.0), [2.0; 8]);
        let expected = [
            1.0,
            2.0,
            2.0,
            5.0 / 3.0,
            4.0 / 3.0,
            1.0,
            2.0 / 3.0,
            1.0 / 3.0,
        ];
        let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(same(&rates(Decay::Linear, 0.25), &expected));
        let cosine = rates(Decay::Cosine, 0.0);
        assert_eq!((cosine[0], cosine[4]), (2.0, 1.0));
        assert!((cosine[2] - (1.0 + 0.5f64.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn labels_start_and_end_where_they_should() {
        assert_eq!(labels(100, 500, 0, 1000), 100.0);
        assert_eq!(labels(100, 500, 500, 1000), 400.0);
        assert_eq!(labels(100, 500, 1000, 1000), 500.0);
        assert_eq!(labels(100, 500, 2000, 1000), 500.0);
        assert_eq!(labels(500, 500, 3, 1000), 500.0);
    }
}
