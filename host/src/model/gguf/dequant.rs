//! Turns the block formats of GGUF tensors into f32.
//!
//! Knows bytes and blocks; not files, names or shapes.

use anyhow::{Result, bail};
use half::{bf16, f16};

/// How a tensor's values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    non_camel_case_types,
    reason = "the names everyone knows these formats by"
)]
pub(super) enum Kind {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4_K,
    Q5_K,
    Q6_K,
}

impl Kind {
    /// From the number in the file.
    pub(super) fn from_code(code: u32) -> Result<Self> {
        Ok(match code {
            0 => Kind::F32,
            1 => Kind::F16,
            2 => Kind::Q4_0,
            3 => Kind::Q4_1,
            6 => Kind::Q5_0,
            7 => Kind::Q5_1,
            8 => Kind::Q8_0,
            12 => Kind::Q4_K,
            13 => Kind::Q5_K,
            14 => Kind::Q6_K,
            30 => Kind::BF16,
            _ => bail!(
                "type {code} is not supported\nhint: F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K and Q6_K are"
            ),
        })
    }

    /// Values in a block, and bytes in a block.
    pub(super) fn block(self) -> (usize, usize) {
        match self {
            Kind::F32 => (1, 4),
            Kind::F16 | Kind::BF16 => (1, 2),
            Kind::Q4_0 => (32, 18),
            Kind::Q4_1 => (32, 20),
            Kind::Q5_0 => (32, 22),
            Kind::Q5_1 => (32, 24),
            Kind::Q8_0 => (32, 34),
            Kind::Q4_K => (256, 144),
            Kind::Q5_K => (256, 176),
            Kind::Q6_K => (256, 210),
        }
    }
}

/// Appends the values of `bytes`, whole blocks of `kind`, to `out`.
pub(super) fn dequantize(kind: Kind, bytes: &[u8], out: &mut Vec<f32>) {
    let (_, block_bytes) = kind.block();
    debug_assert!(bytes.len().is_multiple_of(block_bytes));
    for block in bytes.chunks_exact(block_bytes) {
        match kind {
            Kind::F32 => out.push(f32::from_le_bytes([block[0], block[1], block[2], block[3]])),
            Kind::F16 => out.push(half_at(block, 0)),
            Kind::BF16 => out.push(bf16::from_le_bytes([block[0], block[1]]).to_f32()),
            Kind::Q4_0 => nibbles(&block[2..], 0, half_at(block, 0), -8, 0.0, out),
            Kind::Q4_1 => nibbles(&block[4..], 0, half_at(block, 0), 0, half_at(block, 2), out),
            Kind::Q5_0 => nibbles(
                &block[6..],
                high_bits(block, 2),
                half_at(block, 0),
                -16,
                0.0,
                out,
            ),
            Kind::Q5_1 => {
                nibbles(
                    &block[8..],
                    high_bits(block, 4),
                    half_at(block, 0),
                    0,
                    half_at(block, 2),
                    out,
                );
            }
            Kind::Q8_0 => {
                let scale = half_at(block, 0);
                out.extend(block[2..].iter().map(|&q| f32::from(q as i8) * scale));
            }
            Kind::Q4_K => super_block(block, &[], &block[16..], out),
            Kind::Q5_K => super_block(block, &block[16..48], &block[48..], out),
            Kind::Q6_K => q6_k(block, out),
        }
    }
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

fn high_bits(block: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// 32 values: the low halves of 16 bytes, then the high halves; bit i of `high` is a fifth bit.
fn nibbles(quants: &[u8], high: u32, scale: f32, shift: i32, min: f32, out: &mut Vec<f32>) {
    for i in 0..32 {
        let low = (quants[i % 16] >> (4 * (i / 16))) & 15;
        let value = i32::from(low) | (((high >> i) & 1) << 4) as i32;
        out.push(scale * (value + shift) as f32 + min);
    }
}

/// Q4_K and Q5_K: 8 groups of 32 values, each with a 6-bit scale and a 6-bit minimum.
fn super_block(block: &[u8], fifth: &[u8], quants: &[u8], out: &mut Vec<f32>) {
    let (scale, min_scale) = (half_at(block, 0), half_at(block, 2));
    let packed = &block[4..16];
    for group in 0..8 {
        // The first four groups are plain; the others keep 4 bits at 8.. and 2 in spare top bits.
        let (s, m) = if group < 4 {
            (packed[group] & 63, packed[group + 4] & 63)
        } else {
            let low = packed[group + 4];
            (
                low & 15 | (packed[group - 4] >> 6) << 4,
                low >> 4 | (packed[group] >> 6) << 4,
            )
        };
        let (d, min) = (scale * f32::from(s), min_scale * f32::from(m));
        for i in 0..32 {
            let low = (quants[group / 2 * 32 + i] >> (4 * (group % 2))) & 15;
            let high = fifth.get(i).map_or(0, |bits| (bits >> group) & 1);
            out.push(d * f32::from(low | high << 4) - min);
        }
    }
}

/// Q6_K: 16 groups of 16 values with an 8-bit scale each; low 4 bits, then high 2 bits.
fn q6_k(block: &[u8], out: &mut Vec<f32>) {
    let (low, high, scales) = (&block[..128], &block[128..192], &block[192..208]);
    let scale = half_at(block, 208);
    for i in 0..256 {
        let (part, within) = (i / 128, i % 128);
        let l = (low[part * 64 + within % 64] >> (4 * (within / 64))) & 15;
        let h = (high[part * 32 + within % 32] >> (2 * (within / 32))) & 3;
        let value = f32::from((l | h << 4) as i8 - 32);
        out.push(scale * f32::from(scales[i / 16] as i8) * value);
    }
}
