//! Which values a parameter may have: finite floats. Knows nothing of shapes.

use anyhow::{Result, bail};
use tch::{Kind, Tensor};

/// Refuses whole numbers: beside the parameters they are masks, and in the place of one they stand for weights that
/// another tool packed.
///
/// # Errors
/// It names the tensor and its type.
pub(in crate::model) fn check_type(name: &str, tensor: &Tensor) -> Result<()> {
    let stored_as = match tensor.kind() {
        Kind::Double | Kind::Float | Kind::Half | Kind::BFloat16 => return Ok(()),
        Kind::Int64 => "I64".to_owned(),
        Kind::Int => "I32".to_owned(),
        Kind::Uint8 => "U8".to_owned(),
        Kind::Bool => "BOOL".to_owned(),
        other => format!("{other:?}"),
    };
    bail!(
        "tensor `{name}` has type {stored_as}, weights have F64, F32, F16 or BF16\nhint: another tool has probably \
         quantized the weights; fetch the model as it was before"
    )
}

/// Refuses a parameter of another type, and one with a value that is infinite or no number.
///
/// # Errors
/// It names the tensor.
pub(in crate::model) fn check_values(name: &str, tensor: &Tensor) -> Result<()> {
    check_type(name, tensor)?;
    // Infinite or no number if a single value is.
    if !tensor.sum(Kind::Double).double_value(&[]).is_finite() {
        bail!(
            "tensor `{name}` has values that are not finite numbers\nhint: fetch or write the weights again"
        );
    }
    Ok(())
}
