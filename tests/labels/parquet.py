"""Writes parquet files beside this one. words and talk are as Hugging Face's libraries write preference data: with
pyarrow, whose defaults they use; zstd is words packed with ZSTD, as Polars writes it, and gzip is packed as labels
are not read. Run it with pyarrow 15 or newer."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent

words = pa.table(
    {
        "prompt": ["The sky is", "Größe"],
        "chosen": [" blue.", " groß"],
        "rejected": [" green.", " 🙂"],
        "score": [0.5, None],
    }
)
pq.write_table(words, FOLDER / "words.parquet")
pq.write_table(
    words,
    FOLDER / "zstd.parquet",
    compression="zstd",
    data_page_version="2.0",
    row_group_size=1,
)
pq.write_table(
    pa.table({"chosen": ["a"], "rejected": ["b"]}),
    FOLDER / "gzip.parquet",
    compression="gzip",
)


def message(role, content):
    return {"role": role, "content": content}


hello = [message("user", "Hello")]
longer = hello + [message("assistant", "Hi."), message("user", "So?")]
pq.write_table(
    pa.table(
        {
            "chosen": [
                hello + [message("assistant", "Hi.")],
                longer + [message("assistant", "So.")],
            ],
            "rejected": [
                hello + [message("assistant", "Go away.")],
                longer + [message("assistant", "No.")],
            ],
        }
    ),
    FOLDER / "talk.parquet",
)
