//! Scaling down by area averaging, in linear light.
//!
//! Each pixel of the result is the mean of the area of the source that it covers, pixels at the rim by the share that is
//! covered. The mean is taken of light, not of sRGB's values (which would darken fine patterns), and of premultiplied
//! colours (else the invisible colour of transparent pixels would bleed into the rims of what is seen).

use crate::bitmap::{Bitmap, CHANNELS};

/// The size that an image of `size` gets for a wanted width: the aspect is kept, nothing is ever scaled up.
pub(crate) fn fit((width, height): (u32, u32), wanted: u32) -> (u32, u32) {
    if wanted >= width {
        return (width, height);
    }
    let scaled = (f64::from(height) * f64::from(wanted) / f64::from(width)).round();
    // The cast never saturates: the value is at most `height`.
    (wanted.max(1), (scaled as u32).max(1))
}

/// Scales an image down to `width` and `height`, both at least 1 and at most the image's own.
pub(crate) fn scale(source: &Bitmap, width: u32, height: u32) -> Bitmap {
    if (width, height) == (source.width, source.height) {
        return source.clone();
    }
    let linear = linear_light();
    let columns = spans(source.width, width);
    let rows = spans(source.height, height);
    let stride = source.width as usize * CHANNELS;
    let mut sums = vec![[0.0_f32; CHANNELS]; width as usize];
    let mut pixels = Vec::with_capacity(width as usize * height as usize * CHANNELS);
    for row in &rows {
        sums.fill([0.0; CHANNELS]);
        for (y, weight) in row.weights() {
            add_row(&source.pixels[y * stride..][..stride], &columns, weight, &linear, &mut sums);
        }
        pixels.extend(sums.iter().flat_map(|&sum| to_srgb(sum)));
    }
    Bitmap { width, height, pixels }
}

/// Adds the horizontal means of a source row to the sums of a result's row.
fn add_row(row: &[u8], columns: &[Span], row_weight: f32, linear: &[f32; 256], sums: &mut [[f32; CHANNELS]]) {
    for (sum, column) in sums.iter_mut().zip(columns) {
        for (x, weight) in column.weights() {
            let pixel = &row[x * CHANNELS..][..CHANNELS];
            let alpha = f32::from(pixel[3]) * weight * row_weight;
            sum[0] += linear[usize::from(pixel[0])] * alpha;
            sum[1] += linear[usize::from(pixel[1])] * alpha;
            sum[2] += linear[usize::from(pixel[2])] * alpha;
            sum[3] += alpha;
        }
    }
}

/// The pixels of a source's axis that one pixel of the result covers.
struct Span {
    first: usize,
    last: usize,
    first_weight: f32,
    inner_weight: f32,
    last_weight: f32,
}

impl Span {
    /// Each covered position with its share of the mean; the shares add up to 1.
    fn weights(&self) -> impl Iterator<Item = (usize, f32)> {
        (self.first..=self.last).map(|position| {
            let weight = match position {
                _ if position == self.first => self.first_weight,
                _ if position == self.last => self.last_weight,
                _ => self.inner_weight,
            };
            (position, weight)
        })
    }
}

/// Divides an axis of `source` pixels into `target` spans of equal length. Whole numbers only: in units of a
/// `target`th of a source pixel every edge is exact.
fn spans(source: u32, target: u32) -> Vec<Span> {
    let (source, target) = (u64::from(source), u64::from(target));
    (0..target)
        .map(|index| {
            let (start, end) = (index * source, (index + 1) * source);
            let (first, last) = (start / target, (end - 1) / target);
            let share = |units: u64| units as f32 / source as f32;
            Span {
                first: first as usize,
                last: last as usize,
                first_weight: share(end.min((first + 1) * target) - start),
                inner_weight: share(target),
                last_weight: share(end - last * target),
            }
        })
        .collect()
}

/// Light for each of sRGB's values (IEC 61966-2-1).
fn linear_light() -> [f32; 256] {
    std::array::from_fn(|value| {
        let value = value as f32 / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
}

/// The pixel of a mean: colours of linear light times alpha, alpha in 0 to 255.
fn to_srgb([red, green, blue, alpha]: [f32; CHANNELS]) -> [u8; CHANNELS] {
    if alpha <= 0.0 {
        return [0; CHANNELS];
    }
    let encode = |light: f32| {
        let light = light / alpha;
        let value = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
        // A float becomes the nearest byte: `as` saturates at both ends.
        (value * 255.0).round() as u8
    };
    [encode(red), encode(green), encode(blue), alpha.round() as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bitmap(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Bitmap {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
        Bitmap { width, height, pixels }
    }

    #[test]
    fn sizes_keep_the_aspect_and_never_grow() {
        let cases = [
            ((640, 480), 64, (64, 48)),
            ((640, 480), 640, (640, 480)),
            ((640, 480), 4096, (640, 480)),
            ((3, 2), 2, (2, 1)),
            ((1000, 1), 10, (10, 1)),
            ((1, 60_000), 1, (1, 60_000)),
            ((2, 60_000), 1, (1, 30_000)),
            ((65_535, 3), 1, (1, 1)),
        ];
        for (size, wanted, expected) in cases {
            assert_eq!(fit(size, wanted), expected, "{size:?} to {wanted}");
        }
    }

    #[test]
    fn one_colour_stays_that_colour_at_every_size() {
        for colour in [[255, 255, 255, 255], [0, 0, 0, 255], [12, 200, 7, 255], [90, 90, 90, 128], [1, 2, 3, 255]] {
            let source = bitmap(37, 23, |_, _| colour);
            for (width, height) in [(1, 1), (5, 3), (36, 22), (37, 1), (37, 23)] {
                assert_eq!(scale(&source, width, height), bitmap(width, height, |_, _| colour), "{colour:?}");
            }
        }
    }

    #[test]
    fn checkerboard_scales_to_linear_grey() {
        let board = bitmap(64, 64, |x, y| if (x + y) % 2 == 0 { [255; 4] } else { [0, 0, 0, 255] });
        // Half of white's light is sRGB 188; a mean of the values would be 128.
        assert_eq!(scale(&board, 8, 8), bitmap(8, 8, |_, _| [188, 188, 188, 255]));
    }

    #[test]
    fn transparent_pixels_do_not_bleed() {
        let source = bitmap(2, 1, |x, _| if x == 0 { [255, 0, 0, 255] } else { [0, 255, 0, 0] });
        assert_eq!(scale(&source, 1, 1).pixels, [255, 0, 0, 128]);
        let clear = bitmap(2, 2, |_, _| [9, 9, 9, 0]);
        assert_eq!(scale(&clear, 1, 1).pixels, [0, 0, 0, 0]);
    }

    #[test]
    fn rim_pixel_counts_by_covered_share() {
        // Three pixels into two: each covers one and a half.
        let source = bitmap(3, 1, |x, _| [[255, 0, 0, 255], [255, 0, 0, 255], [0, 0, 0, 255]][x as usize]);
        let scaled = scale(&source, 2, 1);
        assert_eq!(scaled.pixels[..4], [255, 0, 0, 255]);
        // A third of red's light.
        assert_eq!(scaled.pixels[4..], [156, 0, 0, 255]);
    }
}
