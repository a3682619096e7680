//! Pictures drawn anew (domain.md §9.5): what is kept has the pixels that were sent, turned the right way up, and nothing
//! else that was in the file: no place, no camera, no hidden bytes. A small one is made beside it.

use std::io::{self, Cursor};

use image::codecs::gif::{GifDecoder, GifEncoder, Repeat};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::{WebPDecoder, WebPEncoder};
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage};

use super::content::ContentFault;

/// Pixels of a picture at most (domain.md §9.5).
pub(super) const MAX_PIXELS: u64 = 40_000_000;
/// Pixels of all frames of a moving picture at most.
const MAX_MOVING_PIXELS: u64 = 200_000_000;
/// Bytes that a decoder may take: four a pixel, and as much again to work with.
const MAX_ALLOCATED: u64 = MAX_PIXELS * 8;
/// How well a JPEG is drawn anew, of a hundred.
const QUALITY: u8 = 88;
/// Pixels of the longer side of the small picture.
const SMALL: u32 = 320;

const BROKEN: ContentFault = ContentFault::Refused("The picture is broken.");

/// A picture that was drawn anew.
pub(super) struct Redrawn {
    /// The file.
    pub(super) bytes: Vec<u8>,
    /// Its size, turned the right way up.
    pub(super) dimensions: (u32, u32),
    /// A JPEG of 320 pixels at most, where the picture is larger.
    pub(super) small: Option<Vec<u8>>,
}

/// Draws a picture of a media type anew. Takes the processor's time, and four bytes a pixel.
///
/// # Errors
/// [`ContentFault::Refused`] for what cannot be drawn.
pub(super) fn redraw(bytes: &[u8], mime: &str) -> Result<Redrawn, ContentFault> {
    match mime {
        "image/jpeg" => still(bytes, ImageFormat::Jpeg),
        "image/png" => still(bytes, ImageFormat::Png),
        "image/gif" => moving_gif(bytes),
        "image/webp" => webp(bytes),
        _ => Err(BROKEN),
    }
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_ALLOCATED);
    limits
}

/// What is broken is the sender's; a full memory is ours.
fn refused(error: image::ImageError) -> ContentFault {
    match error {
        image::ImageError::IoError(error) if error.kind() == io::ErrorKind::OutOfMemory => {
            ContentFault::Io(error)
        }
        _ => BROKEN,
    }
}

fn decoded(bytes: &[u8], format: ImageFormat) -> Result<DynamicImage, ContentFault> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let orientation = decoder.orientation().map_err(refused)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn still(bytes: &[u8], format: ImageFormat) -> Result<Redrawn, ContentFault> {
    let picture = decoded(bytes, format)?;
    let mut drawn = Vec::new();
    let written = match format {
        ImageFormat::Jpeg => {
            // Grey stays grey; whatever else there is becomes the three colours that JPEG has.
            let plain = match &picture {
                DynamicImage::ImageLuma8(_) => picture.clone(),
                other => DynamicImage::ImageRgb8(other.to_rgb8()),
            };
            plain.write_with_encoder(JpegEncoder::new_with_quality(&mut drawn, QUALITY))
        }
        _ => picture.write_with_encoder(PngEncoder::new(&mut drawn)),
    };
    written.map_err(refused)?;
    Ok(Redrawn { bytes: drawn, dimensions: (picture.width(), picture.height()), small: small(&picture)? })
}

fn moving_gif(bytes: &[u8]) -> Result<Redrawn, ContentFault> {
    let mut decoder = GifDecoder::new(Cursor::new(bytes)).map_err(refused)?;
    decoder.set_limits(limits()).map_err(refused)?;
    let dimensions = decoder.dimensions();
    let each = u64::from(dimensions.0).saturating_mul(u64::from(dimensions.1));
    let (mut drawn, mut first, mut pixels) = (Vec::new(), None, 0_u64);
    {
        let mut encoder = GifEncoder::new(&mut drawn);
        encoder.set_repeat(Repeat::Infinite).map_err(refused)?;
        for frame in decoder.into_frames() {
            let frame = frame.map_err(refused)?;
            pixels = pixels.saturating_add(each);
            if pixels > MAX_MOVING_PIXELS {
                return Err(ContentFault::Refused(
                    "A moving picture may have 200 million pixels in all its frames at most.",
                ));
            }
            if first.is_none() {
                first = Some(small(&DynamicImage::ImageRgba8(frame.buffer().clone()))?);
            }
            encoder.encode_frame(frame).map_err(refused)?;
        }
    }
    let small = first.ok_or(BROKEN)?;
    Ok(Redrawn { bytes: drawn, dimensions, small })
}

/// WebP can be drawn anew without loss only, many times as large; one that moves, not at all. So it is drawn to see that
/// it can be, and its file is copied without the parts that are no picture.
fn webp(bytes: &[u8]) -> Result<Redrawn, ContentFault> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(refused)?;
    decoder.set_limits(limits()).map_err(refused)?;
    let turned = decoder.orientation().map_err(refused)?;
    let moves = decoder.has_animation();
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    if turned != image::metadata::Orientation::NoTransforms && !moves {
        // Without its note it would lie on its side.
        picture.apply_orientation(turned);
        let mut drawn = Vec::new();
        picture.write_with_encoder(WebPEncoder::new_lossless(&mut drawn)).map_err(refused)?;
        let dimensions = (picture.width(), picture.height());
        return Ok(Redrawn { bytes: drawn, dimensions, small: small(&picture)? });
    }
    let kept = without_notes(bytes).ok_or(BROKEN)?;
    Ok(Redrawn { bytes: kept, dimensions: (picture.width(), picture.height()), small: small(&picture)? })
}

/// A RIFF file with its picture's parts alone: `VP8X` (without the flags of what goes), `VP8 `, `VP8L`, `ALPH`, `ANIM`,
/// `ANMF` and the colours' `ICCP`.
fn without_notes(bytes: &[u8]) -> Option<Vec<u8>> {
    /// EXIF and XMP in the flags of `VP8X`.
    const NOTES: u8 = 0b0000_1100;
    const KEPT: [&[u8]; 7] = [b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
    let mut rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBP")?;
    let mut body = b"WEBP".to_vec();
    while rest.len() >= 8 {
        let (name, after) = rest.split_at_checked(4)?;
        let (length, after) = after.split_at_checked(4)?;
        let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (content, after) = after.split_at_checked(length)?;
        if KEPT.contains(&name) {
            body.extend(name);
            body.extend(u32::try_from(length).ok()?.to_le_bytes());
            let mut content = content.to_vec();
            if name == b"VP8X"
                && let Some(flags) = content.first_mut()
            {
                *flags &= !NOTES;
            }
            body.extend(&content);
            if length % 2 == 1 {
                body.push(0);
            }
        }
        rest = after.get(length % 2..).unwrap_or_default();
    }
    let mut file = b"RIFF".to_vec();
    file.extend(u32::try_from(body.len()).ok()?.to_le_bytes());
    file.extend(body);
    Some(file)
}

/// The small picture, on white where the large one is clear.
fn small(picture: &DynamicImage) -> Result<Option<Vec<u8>>, ContentFault> {
    if picture.width().max(picture.height()) <= SMALL {
        return Ok(None);
    }
    let reduced = picture.thumbnail(SMALL, SMALL).to_rgba8();
    let mut plain = RgbImage::new(reduced.width(), reduced.height());
    for (target, source) in plain.pixels_mut().zip(reduced.pixels()) {
        let [red, green, blue, alpha] = source.0;
        *target = Rgb([red, green, blue].map(|color| on_white(color, alpha)));
    }
    let mut drawn = Vec::new();
    plain.write_with_encoder(JpegEncoder::new_with_quality(&mut drawn, 80)).map_err(refused)?;
    Ok(Some(drawn))
}

fn on_white(color: u8, alpha: u8) -> u8 {
    let (color, alpha) = (u32::from(color), u32::from(alpha));
    u8::try_from((color * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::{on_white, redraw, without_notes};

    #[test]
    fn a_webp_file_loses_its_notes() {
        let part = |name: &[u8; 4], content: &[u8]| {
            let mut bytes = name.to_vec();
            bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
            bytes.extend(content);
            bytes.extend(vec![0; content.len() % 2]);
            bytes
        };
        let picture = part(b"VP8 ", b"pixels!");
        let file = |flags: u8, notes: &[u8]| {
            let body =
                [b"WEBP".to_vec(), part(b"VP8X", &[flags, 0, 0]), picture.clone(), notes.to_vec()].concat();
            let size = u32::try_from(body.len()).unwrap().to_le_bytes();
            [b"RIFF".to_vec(), size.to_vec(), body].concat()
        };
        let notes = [part(b"EXIF", b"place"), part(b"XMP ", b"who"), part(b"ODD!", b"bytes")].concat();
        assert_eq!(without_notes(&file(0b0011_1100, &notes)), Some(file(0b0011_0000, b"")));
        assert_eq!(without_notes(b"RIFF\0\0\0\0WAVE"), None);
        assert_eq!(without_notes(b"RIFF\0\0\0\0WEBPVP8 \xFF\0\0\0x"), None);
    }

    #[test]
    fn what_is_no_picture_is_refused_and_what_is_clear_is_white() {
        for mime in ["image/jpeg", "image/png", "image/gif", "image/webp", "image/svg+xml"] {
            assert!(redraw(b"nothing of the kind", mime).is_err(), "{mime}");
        }
        assert_eq!((on_white(0, 0), on_white(0, 255), on_white(10, 128)), (255, 0, 132));
    }
}
