//! Ways to split an input into reads.

/// A way to split an input into reads. The concatenated reads always equal the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// The whole input in one read.
    Whole,
    /// One byte per read.
    Bytes,
    /// Reads of this size; the last one may be shorter.
    Size(usize),
    /// Two reads, split at this offset.
    Split(usize),
    /// Reads of these sizes, repeated cyclically. A zero yields an empty read.
    Cycle(Vec<usize>),
}

impl Chunks {
    /// Returns the splits that every vector is run with: whole, byte by byte, some uneven sizes, and every split in
    /// two.
    pub fn all(len: usize) -> impl Iterator<Item = Self> {
        [Self::Whole, Self::Bytes, Self::Size(2), Self::Size(3), Self::Size(7), Self::Cycle(vec![1, 0, 5])]
            .into_iter()
            .chain((1..len).map(Self::Split))
    }

    /// Splits `input` into reads.
    #[must_use]
    pub fn cut<'a>(&self, input: &'a [u8]) -> Vec<&'a [u8]> {
        match self {
            Self::Whole => vec![input],
            Self::Bytes => input.chunks(1).collect(),
            Self::Size(size) => input.chunks((*size).max(1)).collect(),
            Self::Split(at) => {
                let (head, tail) = input.split_at((*at).min(input.len()));
                vec![head, tail]
            }
            Self::Cycle(sizes) => cycle(sizes, input),
        }
    }
}

fn cycle<'a>(sizes: &[usize], mut rest: &'a [u8]) -> Vec<&'a [u8]> {
    if sizes.iter().all(|size| *size == 0) {
        return vec![rest];
    }
    let mut reads = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (read, after) = rest.split_at((*size).min(rest.len()));
        reads.push(read);
        rest = after;
    }
    reads
}
