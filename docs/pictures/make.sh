#!/usr/bin/env bash
# Remake the pictures of the README from a shop that runs, in a real browser: orders, money and states
# are what the server made of them; bank and learning platforms are the fakes of the tests.
# Needs what ./test needs, and Pillow (Debian: python3-pil) for smaller files. Look at what you get.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
shots=$(mktemp -d)
trap 'rm -rf "$shots"' EXIT

BURSAR_SHOTS=$shots cargo test --locked --test it every_page_fits_every_window_and_every_eye
BURSAR_SHOTS=$shots cargo test --locked --test it every_page_of_the_sellers_fits_every_window_and_every_eye

SHOTS=$shots HERE=$here python3 - <<'PYTHON'
import os
from PIL import Image

for taken, name, height in [
    ("trouble-en-1280-light", "order-page", None),
    ("awaiting-vi-390-light", "order-pay", 2120),
    ("shop-vi-1280-light", "shop", 1236),
    ("desk-transfers-en-1200-light", "desk-inbox", None),
    ("desk-near-en-1200-light", "desk-transfer", 1180),
]:
    picture = Image.open(f"{os.environ['SHOTS']}/{taken}.png").convert("RGB")
    picture = picture.crop((0, 0, picture.width, height or picture.height))
    target = f"{os.environ['HERE']}/{name}.png"
    picture.save(target, optimize=True)
    if os.path.getsize(target) > 200_000:
        picture.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=2).save(target, optimize=True)
    size = os.path.getsize(target)
    print(f"{name}.png  {picture.width} x {picture.height}  {size // 1000} KB")
    assert size < 250_000, "too large for a README"
PYTHON
