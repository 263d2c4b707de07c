//! Plots as bitmaps, by the font that is in the program, so that they are the same on all machines.

use std::sync::Arc;

use anyhow::{Context, Result};
use resvg::{render, tiny_skia, usvg};

/// Open Sans of Debian's package `fonts-open-sans`; its licence, Apache-2.0, lies beside it.
const FONT: &[u8] = include_bytes!("font/OpenSans-Regular.ttf");
/// What the font calls itself.
const FAMILY: &str = "Open Sans";

/// Who makes bitmaps.
pub(super) struct Painter {
    options: usvg::Options<'static>,
}

impl Painter {
    /// Reads the font.
    pub(super) fn new() -> Painter {
        let mut options = usvg::Options {
            font_family: FAMILY.to_owned(),
            ..usvg::Options::default()
        };
        let fonts = options.fontdb_mut();
        fonts.load_font_source(usvg::fontdb::Source::Binary(Arc::new(FONT)));
        fonts.set_sans_serif_family(FAMILY);
        Painter { options }
    }

    /// A plot as PNG, as large as it is.
    pub(super) fn png(&self, svg: &str) -> Result<Vec<u8>> {
        let tree = usvg::Tree::from_str(svg, &self.options).context("the plot cannot be read")?;
        let size = tree.size().to_int_size();
        let mut pixels =
            tiny_skia::Pixmap::new(size.width(), size.height()).context("the plot has no size")?;
        render(&tree, tiny_skia::Transform::default(), &mut pixels.as_mut());
        pixels.encode_png().context("the plot cannot be packed")
    }
}
