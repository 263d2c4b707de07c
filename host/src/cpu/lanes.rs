//! Vectors of f32 as wide as the machine's registers, chosen at run time.
//!
//! [`dispatch!`] compiles a generic kernel once for each width. Everything that a kernel calls is
//! `inline(always)`, and no closure stands between, so that the intrinsics end up in a function whose
//! features allow them.

/// A register of numbers.
pub(crate) trait Lanes: Copy {
    /// How many numbers.
    const COUNT: usize;
    /// All zeros.
    unsafe fn zero() -> Self;
    /// The same number everywhere.
    unsafe fn splat(value: f32) -> Self;
    /// `COUNT` numbers from `from` on, at any alignment.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes `COUNT` numbers to `to` on, at any alignment.
    unsafe fn store(self, to: *mut f32);
    /// `self * by + plus`, rounded once.
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self;
    /// Asks for the memory at `from`, which need not exist, before it is loaded: not as far as the
    /// innermost cache, where what is being worked on needs the room.
    #[inline(always)]
    unsafe fn prefetch(_from: *const f32) {}
    /// The sum of each of four registers, in an order that depends on `COUNT` alone.
    unsafe fn sums(four: [Self; 4]) -> [f32; 4];
}

/// Plain Rust, for machines whose registers are not known here; the compiler vectorizes it.
impl Lanes for [f32; 8] {
    const COUNT: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        [0.0; 8]
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        [value; 8]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for `COUNT` numbers.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for `COUNT` numbers.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
        // Without a fused instruction `f32::mul_add` is a slow library call.
        std::array::from_fn(|i| self[i] * by[i] + plus[i])
    }

    #[inline(always)]
    unsafe fn sums(four: [Self; 4]) -> [f32; 4] {
        four.map(|lanes| lanes.iter().sum())
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// The four sums of 8 lanes each.
    #[inline(always)]
    unsafe fn sums_of_eight([a, b, c, d]: [__m256; 4]) -> [f32; 4] {
        // SAFETY: only instructions of AVX, which every caller was compiled with.
        unsafe {
            let pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
            let sums = _mm_add_ps(
                _mm256_castps256_ps128(pairs),
                _mm256_extractf128_ps::<1>(pairs),
            );
            let mut out = [0.0; 4];
            _mm_storeu_ps(out.as_mut_ptr(), sums);
            out
        }
    }

    /// The upper half added to the lower.
    #[inline(always)]
    unsafe fn halves(lanes: __m512) -> __m256 {
        // SAFETY: only instructions of AVX-512, which every caller was compiled with.
        unsafe {
            let upper = _mm512_extractf64x4_pd::<1>(_mm512_castps_pd(lanes));
            _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm256_castpd_ps(upper))
        }
    }

    impl Lanes for __m256 {
        const COUNT: usize = 8;

        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: AVX, see the trait's users.
            unsafe { _mm256_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: AVX, see the trait's users.
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller vouches for `COUNT` numbers.
            unsafe { _mm256_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller vouches for `COUNT` numbers.
            unsafe { _mm256_storeu_ps(to, self) }
        }

        #[inline(always)]
        unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
            // SAFETY: FMA, see the trait's users.
            unsafe { _mm256_fmadd_ps(self, by, plus) }
        }

        #[inline(always)]
        unsafe fn prefetch(from: *const f32) {
            // SAFETY: a hint, which never faults.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
        }

        #[inline(always)]
        unsafe fn sums(four: [Self; 4]) -> [f32; 4] {
            // SAFETY: AVX, see the trait's users.
            unsafe { sums_of_eight(four) }
        }
    }

    impl Lanes for __m512 {
        const COUNT: usize = 16;

        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: AVX-512, see the trait's users.
            unsafe { _mm512_setzero_ps() }
        }

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: AVX-512, see the trait's users.
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the caller vouches for `COUNT` numbers.
            unsafe { _mm512_loadu_ps(from) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the caller vouches for `COUNT` numbers.
            unsafe { _mm512_storeu_ps(to, self) }
        }

        #[inline(always)]
        unsafe fn mul_add(self, by: Self, plus: Self) -> Self {
            // SAFETY: AVX-512, see the trait's users.
            unsafe { _mm512_fmadd_ps(self, by, plus) }
        }

        #[inline(always)]
        unsafe fn prefetch(from: *const f32) {
            // SAFETY: a hint, which never faults.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
        }

        #[inline(always)]
        unsafe fn sums(four: [Self; 4]) -> [f32; 4] {
            let [a, b, c, d] = four;
            // SAFETY: AVX-512, see the trait's users.
            unsafe { sums_of_eight([halves(a), halves(b), halves(c), halves(d)]) }
        }
    }
}

/// Defines `$name`, which calls the generic kernel `$generic` with the widest lanes of this machine.
macro_rules! dispatch {
    ($(#[$doc:meta])* $visibility:vis unsafe fn $name:ident = $generic:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "a kernel has as many operands as it has")]
        $visibility unsafe fn $name($($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                unsafe fn wide($($argument: $type),*) $(-> $result)? {
                    // SAFETY: as the caller's; the features are this function's own.
                    unsafe { $generic::<std::arch::x86_64::__m512>($($argument),*) }
                }
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                unsafe fn middle($($argument: $type),*) $(-> $result)? {
                    // SAFETY: as the caller's; the features are this function's own.
                    unsafe { $generic::<std::arch::x86_64::__m256>($($argument),*) }
                }
                if std::arch::is_x86_feature_detected!("avx2")
                    && std::arch::is_x86_feature_detected!("fma")
                {
                    // SAFETY: the machine has the features; the rest is the caller's promise.
                    return unsafe {
                        if std::arch::is_x86_feature_detected!("avx512f")
                            && std::arch::is_x86_feature_detected!("avx512vl")
                        {
                            wide($($argument),*)
                        } else {
                            middle($($argument),*)
                        }
                    };
                }
            }
            // SAFETY: the caller's promise.
            unsafe { $generic::<[f32; 8]>($($argument),*) }
        }
    };
}

pub(crate) use dispatch;
