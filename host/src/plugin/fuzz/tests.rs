//! A few seconds of chance.

use super::*;

/// xorshift64*: the same inputs every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = self.below(120);
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// A few changes of a few bytes each.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let place = self.below(bytes.len());
            match self.below(4) {
                0 => bytes[place] ^= 1 << self.below(8),
                1 => bytes[place] = self.next() as u8,
                2 => {
                    bytes.remove(place);
                }
                _ => bytes.insert(place, self.next() as u8),
            }
        }
    }
}

/// Hands `target` its seeds, and so many changes of each.
fn run(target: &str, entry: fn(&[u8]), changes: usize) {
    let seeds = seeds().into_iter().find(|(name, _)| *name == target);
    let mut chance = Chance(1);
    for seed in seeds.unwrap().1 {
        entry(&seed);
        for _ in 0..changes {
            let mut bytes = seed.clone();
            chance.change(&mut bytes);
            entry(&bytes);
        }
    }
}

#[test]
fn components_of_chance() {
    run("component", component, 300);
}

#[test]
fn settings_of_chance() {
    run("settings", settings, 3_000);
}

#[test]
fn answers_of_chance() {
    run("answers", answers, 10_000);
    let mut chance = Chance(2);
    for _ in 0..200_000 {
        answers(&chance.bytes());
    }
}
