//! The functions of `f32` and `f64` that are not the processor's, as a component has them: those of this
//! machine's C library give other last bits. A library that is linked with `-Bsymbolic` calls these.
//!
//! What is exact everywhere, such as a square root, a remainder or a rounding, is left alone.

/// Each function by its name in C, which is that of a component's.
macro_rules! functions {
    ($($name:ident($($argument:ident),+): $of:ty;)+) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name($($argument: $of),+) -> $of {
                libm::$name($($argument),+)
            }
        )+
    };
}

functions! {
    acos(x): f64;
    acosf(x): f32;
    asin(x): f64;
    asinf(x): f32;
    atan(x): f64;
    atanf(x): f32;
    atan2(y, x): f64;
    atan2f(y, x): f32;
    cbrt(x): f64;
    cbrtf(x): f32;
    cos(x): f64;
    cosf(x): f32;
    cosh(x): f64;
    coshf(x): f32;
    exp(x): f64;
    expf(x): f32;
    exp2(x): f64;
    exp2f(x): f32;
    expm1(x): f64;
    expm1f(x): f32;
    hypot(x, y): f64;
    hypotf(x, y): f32;
    log(x): f64;
    logf(x): f32;
    log10(x): f64;
    log10f(x): f32;
    log1p(x): f64;
    log1pf(x): f32;
    log2(x): f64;
    log2f(x): f32;
    pow(x, y): f64;
    powf(x, y): f32;
    sin(x): f64;
    sinf(x): f32;
    sinh(x): f64;
    sinhf(x): f32;
    tan(x): f64;
    tanf(x): f32;
    tanh(x): f64;
    tanhf(x): f32;
}

// Compilers make these of others where the C library has them; a component's has not.

#[unsafe(no_mangle)]
extern "C" fn exp10(x: f64) -> f64 {
    libm::pow(10.0, x)
}

#[unsafe(no_mangle)]
extern "C" fn exp10f(x: f32) -> f32 {
    libm::powf(10.0, x)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sincos(x: f64, sin: *mut f64, cos: *mut f64) {
    // SAFETY: the compiler has places for both.
    unsafe {
        sin.write(libm::sin(x));
        cos.write(libm::cos(x));
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn sincosf(x: f32, sin: *mut f32, cos: *mut f32) {
    // SAFETY: the compiler has places for both.
    unsafe {
        sin.write(libm::sinf(x));
        cos.write(libm::cosf(x));
    }
}
