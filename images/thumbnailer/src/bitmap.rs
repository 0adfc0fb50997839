//! Decoded pixels, and turning them upright.

/// An image in memory: rows from top to bottom, four bytes a pixel (red, green, blue, alpha; sRGB, alpha not
/// premultiplied), no padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bitmap {
    /// In pixels, never 0.
    pub(crate) width: u32,
    /// In pixels, never 0.
    pub(crate) height: u32,
    /// `width * height * 4` bytes.
    pub(crate) pixels: Vec<u8>,
}

/// Bytes of a pixel.
pub(crate) const CHANNELS: usize = 4;

/// How a camera was held, by the values of EXIF's tag `Orientation` (CIPA DC-008, 4.6.4 A).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Orientation {
    /// Rows and columns of the stored image are exchanged.
    pub(crate) transposed: bool,
    /// Then the columns run from right to left.
    pub(crate) mirrored: bool,
    /// Then the rows run from bottom to top.
    pub(crate) flipped: bool,
}

impl Orientation {
    /// The orientation that a tag's value stands for; upright for a value that the specification reserves.
    pub(crate) fn from_tag(value: u16) -> Self {
        let (transposed, mirrored, flipped) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { transposed, mirrored, flipped }
    }

    /// A size as displayed for a size as stored, and the reverse.
    pub(crate) fn turn(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.transposed { (height, width) } else { (width, height) }
    }
}

impl Bitmap {
    /// Returns the upright image.
    pub(crate) fn upright(self, orientation: Orientation) -> Self {
        if orientation == Orientation::default() {
            return self;
        }
        let (width, height) = orientation.turn((self.width, self.height));
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..height {
            let y = if orientation.flipped { height - 1 - y } else { y };
            for x in 0..width {
                let x = if orientation.mirrored { width - 1 - x } else { x };
                let (column, row) = orientation.turn((x, y));
                let at = (row as usize * self.width as usize + column as usize) * CHANNELS;
                pixels.extend_from_slice(&self.pixels[at..at + CHANNELS]);
            }
        }
        Self { width, height, pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(width: u32, height: u32, letters: &str) -> Bitmap {
        let pixels = letters.bytes().flat_map(|letter| [letter; CHANNELS]).collect();
        Bitmap { width, height, pixels }
    }

    #[test]
    fn every_orientation_is_turned_upright() {
        // The stored image for each orientation of the upright image
        //     A B C
        //     D E F
        // as in the figure of the specification.
        let cases = [
            (1, letters(3, 2, "ABCDEF")),
            (2, letters(3, 2, "CBAFED")),
            (3, letters(3, 2, "FEDCBA")),
            (4, letters(3, 2, "DEFABC")),
            (5, letters(2, 3, "ADBECF")),
            (6, letters(2, 3, "CFBEAD")),
            (7, letters(2, 3, "FCEBDA")),
            (8, letters(2, 3, "DAEBFC")),
            (0, letters(3, 2, "ABCDEF")),
            (9, letters(3, 2, "ABCDEF")),
        ];
        for (tag, stored) in cases {
            let upright = stored.upright(Orientation::from_tag(tag));
            assert_eq!(upright, letters(3, 2, "ABCDEF"), "orientation {tag}");
        }
    }
}
