//! A small PNG picture of a form on a screen, drawn in code, as a robot's screenshot artifact.

use super::dice::Dice;

const WIDTH: usize = 480;
const HEIGHT: usize = 300;
/// Colours by their number: desk, window, title bar, field, text, accent, good, line.
const PALETTE: [[u8; 3]; 8] = [
    [0x33, 0x41, 0x55],
    [0xf8, 0xfa, 0xfc],
    [0x1e, 0x29, 0x3b],
    [0xff, 0xff, 0xff],
    [0x94, 0xa3, 0xb8],
    [0x25, 0x63, 0xeb],
    [0x16, 0xa3, 0x4a],
    [0xcb, 0xd5, 0xe1],
];
/// Longest stored block of a deflate stream.
const BLOCK: usize = 65_535;

struct Canvas(Vec<u8>);

impl Canvas {
    fn fill(&mut self, (x, y): (usize, usize), (width, height): (usize, usize), colour: u8) {
        for row in y..(y + height).min(HEIGHT) {
            let start = row * WIDTH;
            let cells = start + x.min(WIDTH)..start + (x + width).min(WIDTH);
            self.0[cells].fill(colour);
        }
    }
}

/// A picture of a window with a form; each dice draws another.
pub(crate) fn screenshot(dice: &mut Dice) -> Vec<u8> {
    let mut canvas = Canvas(vec![0; WIDTH * HEIGHT]);
    canvas.fill((24, 20), (WIDTH - 48, HEIGHT - 40), 1);
    canvas.fill((24, 20), (WIDTH - 48, 24), 2);
    canvas.fill((36, 29), (96, 6), 4);
    for row in 0..5 {
        let y = 62 + row * 34;
        let label = 48 + 8 * usize::try_from(dice.below(5)).unwrap_or(0);
        canvas.fill((48, y + 7), (label, 6), 4);
        canvas.fill((150, y), (270, 22), 7);
        canvas.fill((151, y + 1), (268, 20), 3);
        let text = 40 + 12 * usize::try_from(dice.below(16)).unwrap_or(0);
        canvas.fill((160, y + 8), (text, 6), if row == 2 { 5 } else { 4 });
    }
    canvas.fill((330, 240), (90, 24), 5);
    canvas.fill((352, 249), (46, 6), 3);
    canvas.fill((48, 246), (12, 12), 6);
    canvas.fill((68, 249), (110, 6), 4);
    png(&canvas.0)
}

fn png(pixels: &[u8]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(pixels.len() + HEIGHT);
    for row in pixels.chunks(WIDTH) {
        raw.push(0);
        raw.extend_from_slice(row);
    }
    let mut header = Vec::new();
    header.extend_from_slice(&u32::try_from(WIDTH).unwrap_or(0).to_be_bytes());
    header.extend_from_slice(&u32::try_from(HEIGHT).unwrap_or(0).to_be_bytes());
    header.extend_from_slice(&[8, 3, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, b"IHDR", &header);
    chunk(&mut out, b"PLTE", &PALETTE.concat());
    chunk(&mut out, b"IDAT", &stored(&raw));
    chunk(&mut out, b"IEND", &[]);
    out
}

/// A zlib stream that does not compress: a few KB more, and no dependency.
fn stored(raw: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let last = raw.len().div_ceil(BLOCK).saturating_sub(1);
    for (index, block) in raw.chunks(BLOCK).enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(index == last));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in raw {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend_from_slice(&((b << 16) | a).to_be_bytes());
    out
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(0);
    out.extend_from_slice(&length.to_be_bytes());
    let start = out.len();
    out.extend_from_slice(kind);
    out.extend_from_slice(content);
    let sum = crc(&out[start..]);
    out.extend_from_slice(&sum.to_be_bytes());
}

fn crc(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_format() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_picture_holds_every_pixel_and_ends_properly() {
        let bytes = screenshot(&mut Dice::new(1));
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert!(bytes.windows(4).any(|w| w == b"IEND"));
        assert!(bytes.len() > (WIDTH + 1) * HEIGHT);
        assert_ne!(bytes, screenshot(&mut Dice::new(2)));
    }
}
