//! Text with its checksum below it, so that damage is noticed also where what is left can
//! be read: a digit of an address is another address.
//!
//! ```text
//! TEXT
//! crc32 89abcdef
//! ```

use std::fmt::Write;

/// `"\ncrc32 "`, eight digits, and the end of the line.
const SEAL: usize = 7 + 8 + 1;

/// Adds the checksum.
pub fn seal(mut text: String) -> String {
    let sum = crc32fast::hash(text.as_bytes());
    // Into memory.
    let _ = writeln!(text, "\ncrc32 {sum:08x}");
    text
}

/// The text, when it is what was sealed.
///
/// # Errors
/// What is wrong with it.
pub fn unseal(sealed: &[u8]) -> Result<&str, &'static str> {
    let length = sealed.len().checked_sub(SEAL).ok_or("it is cut off")?;
    let (text, found) = sealed.split_at(length);
    let text = std::str::from_utf8(text).map_err(|_| "it is no text")?;
    if found == format!("\ncrc32 {:08x}\n", crc32fast::hash(text.as_bytes())).as_bytes() {
        Ok(text)
    } else {
        Err("its checksum is wrong")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_flipped_bit_and_no_part_is_taken_for_the_whole() {
        for text in ["", "{\"prefix\":\"10.64.1.0/24\"}", "one\ntwo\n"] {
            let sealed = seal(text.to_owned());
            assert_eq!(unseal(sealed.as_bytes()), Ok(text));
            for at in 0..sealed.len() {
                assert!(unseal(&sealed.as_bytes()[..at]).is_err(), "cut at {at}");
                for bit in 0..8 {
                    let mut bytes = sealed.clone().into_bytes();
                    bytes[at] ^= 1 << bit;
                    assert!(unseal(&bytes).is_err(), "flip of {bit} at {at}");
                }
            }
        }
    }
}
