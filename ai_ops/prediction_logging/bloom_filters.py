"""The split-block bloom filters of a Parquet file, as its format describes them.

Arrow writes them and tells where they lie, but does not ask them anything. A filter answers "not
here" surely and "here" with a small chance of error; one question reads 32 bytes.
(https://parquet.apache.org/docs/file-format/bloomfilter/)
"""

from typing import Final

import xxhash

BLOCK: Final = 32
"""Bytes of a block: eight words of 32 bits, in each of which a value sets one bit."""

_SALTS: Final = (
    0x47B6137B,
    0x44974D91,
    0x8824AD5B,
    0xA2B7289D,
    0x705495C7,
    0x2DF1424B,
    0x9EFC4947,
    0x5C6BFB31,
)
_WORD: Final = 0xFFFFFFFF
_HEADER: Final = 64
"""More bytes than the longest header has."""


def hash_of(text: str) -> int:
    """The hash by which a text is looked for in every filter.

    >>> hex(hash_of("a1"))
    '0xfbe5503cb106ea90'
    """
    return xxhash.xxh64_intdigest(text.encode())


def block_of(hashed: int, size: int) -> int:
    """Where, in a bitset of ``size`` bytes, the block lies that a hash asks.

    >>> block_of(hash_of("a1"), 1024) % BLOCK
    0
    """
    return ((hashed >> 32) * (size // BLOCK) >> 32) * BLOCK


def mask_of(hashed: int) -> int:
    """The eight bits that a value sets in its block, as one number of 256 bits.

    >>> mask_of(hash_of("a1")).bit_count()
    8
    """
    key = hashed & _WORD
    mask = 0
    for place, salt in enumerate(_SALTS):
        bit = (key * salt & _WORD) >> 27
        mask |= 1 << (place * 32 + bit)
    return mask


def may_hold(block: bytes, mask: int) -> bool:
    """Whether a block has all bits of a mask: if not, the value is surely not there.

    >>> mask = mask_of(hash_of("a1"))
    >>> may_hold(bytes(32), mask), may_hold(mask.to_bytes(32, "little"), mask)
    (False, True)
    """
    return int.from_bytes(block, "little") & mask == mask


def bitset_size(filter_start: bytes) -> int:
    """How many bytes the bitset has, by the first bytes of a filter; 0 for one of another kind.

    The header is a Thrift struct whose first field is that size, a zigzag number.

    >>> bitset_size(bytes([0x15, 0x80, 0x08]))
    512
    """
    if not filter_start or filter_start[0] != 0x15:
        return 0
    value = shift = 0
    for byte in filter_start[1:_HEADER]:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            size = value >> 1
            return size if size > 0 and size % BLOCK == 0 else 0
        shift += 7
    return 0
