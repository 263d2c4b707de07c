//! Whether somebody looks at where a response stands, or how long it is.

use super::{Judged, Kind, Share};

/// Choices, and what they would be by chance.
#[derive(Default)]
pub(super) struct Chosen {
    pub(super) chosen: u64,
    pub(super) of: u64,
    /// The mean of `chosen` if the person did not care, and its variance.
    mean: f64,
    variance: f64,
}

impl Chosen {
    fn add(&mut self, is_chosen: bool, among: usize) {
        let share = 1.0 / among as f64;
        self.chosen += u64::from(is_chosen);
        self.of += 1;
        self.mean += share;
        self.variance += share * (1.0 - share);
    }

    fn share(&self) -> Share {
        Share {
            share: (self.of > 0).then(|| self.chosen as f64 / self.of as f64),
            of: self.of,
        }
    }

    /// How many standard deviations more often it was chosen than by chance.
    pub(super) fn deviations(&self) -> f64 {
        match self.variance > 0.0 {
            true => (self.chosen as f64 - self.mean) / self.variance.sqrt(),
            false => 0.0,
        }
    }
}

/// The choices of a person by place and by length.
#[derive(Default)]
pub(super) struct Bias {
    pub(super) first: Chosen,
    pub(super) long: Chosen,
}

impl Bias {
    /// Of all choices among several but calls for attention, which say themselves what to choose.
    pub(super) fn of(own: &[&Judged]) -> Bias {
        let mut bias = Bias::default();
        for judged in own.iter().filter(|judged| judged.kind != Kind::Attention) {
            let count = judged.places.len();
            let (Some(shown), Some(stored)) = (judged.shown.first(), judged.answer.first()) else {
                continue;
            };
            bias.first.add(shown == 0, count);
            if let Some(longest) = judged.about.longest {
                bias.long.add(stored == longest, count);
            }
        }
        bias
    }

    pub(super) fn first_place(&self) -> Share {
        self.first.share()
    }

    pub(super) fn longest(&self) -> Share {
        self.long.share()
    }
}
