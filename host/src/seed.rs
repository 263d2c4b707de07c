//! Randomness without hidden state: every stream is derived from the run's seed, a purpose and a
//! counter, so that a resumed run draws what an uninterrupted one would.
//!
//! The generator is splitmix64 in its counter form: output `i` is a mix of `key + (i+1) * GOLDEN`.
//! Does not know tensors; not for cryptography.

/// 2^64 divided by the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed of its own for each purpose and counter (an update, an epoch, a row).
///
/// `mix(mix(mix(root + G) ^ fnv1a(purpose)) + G ^ counter)`, all modulo 2^64.
pub fn derive(root: u64, purpose: &str, counter: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in purpose.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let keyed = mix(mix(root.wrapping_add(GOLDEN)) ^ hash);
    mix(keyed.wrapping_add(GOLDEN) ^ counter)
}

/// A stream of numbers; where it stands is `key` and `drawn`, nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    key: u64,
    drawn: u64,
}

impl Stream {
    /// The stream of a seed, from its beginning.
    pub fn new(seed: u64) -> Stream {
        Stream {
            key: seed,
            drawn: 0,
        }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(1);
        mix(self.key.wrapping_add(self.drawn.wrapping_mul(GOLDEN)))
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..bound`, without bias; `bound` is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing lies below 0");
        // Draws from the last, incomplete run of `bound` values are thrown away.
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let draw = self.next_u64();
            if draw < limit {
                return draw % bound;
            }
        }
    }

    /// `0..n` in random order (Fisher-Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// Puts `items` in random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answers_of_splitmix64() {
        let mut stream = Stream::new(0);
        assert_eq!(stream.next_u64(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(stream.next_u64(), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(stream.next_u64(), 0x06c4_5d18_8009_454f);
    }

    #[test]
    fn known_answers_of_derive() {
        assert_eq!(derive(0, "", 0), 0x0d72_93fe_83b1_a2bc);
        assert_eq!(derive(1, "sample", 7), 0xfe18_40f8_8726_281a);
        assert_ne!(derive(1, "sample", 7), derive(1, "sample", 8));
        assert_ne!(derive(1, "sample", 7), derive(1, "epoch", 7));
        assert_ne!(derive(1, "sample", 7), derive(2, "sample", 7));
    }

    proptest! {
        #[test]
        fn a_permutation_is_one(seed: u64, n in 0usize..200) {
            let mut order = Stream::new(seed).permutation(n);
            prop_assert_eq!(&order, &Stream::new(seed).permutation(n));
            order.sort_unstable();
            prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        }

        #[test]
        fn uniform_stays_in_its_interval(seed: u64) {
            let mut stream = Stream::new(seed);
            for _ in 0..50 {
                let draw = stream.uniform();
                prop_assert!((0.0..1.0).contains(&draw));
            }
        }
    }
}
