//! Randomness that depends on the run's seed and a row's id alone, so that a batch split never
//! changes an answer. It does not know what a row is.

/// A small generator (SplitMix64). Get one from a row: [`Rollout::rng`](crate::Rollout::rng).
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The generator of row `id` in a call with `seed`.
    pub fn for_row(seed: u64, id: u64) -> Self {
        // One round first: neighbouring ids must not give neighbouring streams.
        let mut start = Self(seed ^ id);
        Self(start.next_u64())
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`, with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `0..bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // Multiply and shift: the bias is below 2⁻³² for any bound that fits in memory here.
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_and_ranges() {
        // First output of the published SplitMix64 for the state 0.
        assert_eq!(Rng(0).next_u64(), 0xE220_A839_7B1D_CDAF);
        let mut rng = Rng::for_row(1, 2);
        assert!((0..1000).all(|_| rng.below(7) < 7 && (0.0..1.0).contains(&rng.unit())));
        assert_eq!(Rng::for_row(1, 2).next_u64(), Rng::for_row(1, 2).next_u64());
        assert_ne!(Rng::for_row(1, 2).next_u64(), Rng::for_row(1, 3).next_u64());
    }
}
