"""Files that are no good pictures, from a seeded generator: damaged, cut off, mislabelled, or made to take memory."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from tests.pictures.digits import draw_line, encoded, png

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def hostile_files(seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Names and contents; about 190."""
    generator = np.random.default_rng(seed)
    good = {form: encoded(Image.fromarray(draw_line([1, 2])), form) for form in ("PNG", "JPEG", "GIF", "BMP")}
    for form, content in good.items():
        for share in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98):
            yield f"{form} cut off at {share}", content[: int(share * len(content))]
        for number in range(12):
            damaged = bytearray(content)
            for position in generator.integers(0, len(content), 1 + number):
                damaged[position] = int(generator.integers(0, 256))
            yield f"{form} with {number + 1} other bytes", bytes(damaged)
        for number in range(4):
            head = bytearray(content[:64])
            for position in generator.integers(4, 40, 4):
                head[position] = 255
            yield f"{form} with a head of large numbers {number}", bytes(head) + content[64:]
        yield f"{form} with others after it", content + good["PNG"] * 3
        yield f"{form} after white space", b"\n" + content
    yield from _pngs(generator)
    yield from _others(generator)


def _pngs(generator: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    sizes = ((0, 0), (0, 28), (28, 0), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1), (60_000, 60_000), (1001, 1000))
    for width, height in sizes:
        yield f"PNG of {width} × {height} in its head alone", _png(width, height, b"")
        yield f"PNG of {width} × {height} with a little data", _png(width, height, zlib.compress(bytes(1000)))
    yield "PNG that inflates", _png(900, 900, zlib.compress(bytes(64_000_000), 9))
    yield "PNG that inflates, of one pixel", _png(1, 1, zlib.compress(bytes(64_000_000), 9))
    for depth, colour in ((1, 2), (3, 0), (64, 0), (8, 1), (8, 5), (16, 3), (0, 0)):
        yield f"PNG of {depth} bits and colour type {colour}", _png(8, 8, zlib.compress(bytes(300)), depth, colour)
    bomb = zlib.compress(bytes(100_000_000), 9)
    for name in (b"zTXt", b"iTXt", b"iCCP", b"eXIf", b"tEXt"):
        head = b"key\0\0" if name != b"iTXt" else b"key\0\1\0\0\0"
        yield f"PNG with a {name.decode()} bomb", _png(8, 8, zlib.compress(bytes(72)), extra=_chunk(name, head + bomb))
    info = PngImagePlugin.PngInfo()
    for number in range(500):
        info.add_text(f"key {number}", "text " * 20)
    yield "PNG with many texts", png(draw_line([1]), pnginfo=info)
    yield "PNG with a palette of none", _png(8, 8, zlib.compress(bytes(72)), 8, 3)
    yield "PNG with a palette", encoded(Image.fromarray(draw_line([1])).convert("P"), "PNG", transparency=0)
    yield "PNG of 16 bits", encoded(Image.fromarray(np.full((8, 8), 40_000, np.uint16)), "PNG")
    yield "PNG with bad sums", SIGNATURE + struct.pack(">I", 13) + b"IHDR" + bytes(13) + bytes(4)
    for orientation in (0, 3, 6, 8, 9, 65_535):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield f"PNG turned by {orientation}", png(draw_line([1]), exif=exif)
    yield "PNG with wild EXIF", png(draw_line([1]), exif=b"Exif\0\0" + generator.bytes(200))
    frames = [Image.fromarray(draw_line([number % 10])) for number in range(40)]
    for form in ("PNG", "GIF"):
        yield f"animated {form}", encoded(frames[0], form, save_all=True, append_images=frames[1:])


def _others(generator: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    image = Image.fromarray(draw_line([1, 2]))
    for form in ("TIFF", "WEBP", "PPM", "TGA", "ICO", "PCX", "DDS"):
        yield f"{form}, which is not read", encoded(image, form)
    yield "nothing", b""
    yield "text", b"three seven one"
    yield "SVG", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
    yield "PDF", b"%PDF-1.4\n" + bytes(100)
    yield "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    yield "ZIP", b"PK\x03\x04" + bytes(100)
    for size in (1, 2, 8, 100, 10_000):
        yield f"{size} random bytes", generator.bytes(size)
    for form, head in (("PNG", SIGNATURE), ("JPEG", b"\xff\xd8\xff\xe0"), ("GIF", b"GIF89a"), ("BMP", b"BM")):
        for size in (4, 40, 4000):
            yield f"{size} random bytes after the start of a {form}", head + generator.bytes(size)
    for width, height in ((65_535, 65_535), (1, 65_535), (65_535, 1), (999, 1000)):
        yield (
            f"GIF of {width} × {height}",
            b"GIF89a"
            + struct.pack("<HH", width, height)
            + b"\x80\0\0"
            + bytes(6)
            + (b"," + struct.pack("<HHHH", 0, 0, width, height) + b"\0\x02\x02\x44\x01\0;"),
        )
        bmp = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
        yield f"BMP of {width} × {height}", bmp + bytes(64)
    for width, height in ((-8, 8), (8, -8), (0, 8), (2**31 - 1, -(2**31))):
        bmp = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
        yield f"BMP of {width} × {height}", bmp + bytes(300)
    for shape in ((1, 1), (1, 5000), (5000, 1), (3, 900), (2, 2)):
        yield f"noise of {shape}", png(generator.integers(0, 256, shape, np.uint8))
    yield "a line far too long", png(np.tile(draw_line([8]), (1, 60)))
    yield "specks", png(np.where(generator.random((300, 300)) < 0.002, 255, 0).astype(np.uint8))


def _png(width: int, height: int, data: bytes, depth: int = 8, colour: int = 0, extra: bytes = b"") -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return SIGNATURE + head + extra + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
