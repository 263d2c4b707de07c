"""Writes words.parquet, talk.parquet and zstd.parquet beside this file. The first two are as Hugging Face's
libraries write preference data: with pyarrow, whose defaults they use. Run it with pyarrow 15 or newer."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parent

pq.write_table(
    pa.table(
        {
            "prompt": ["The sky is", "Größe"],
            "chosen": [" blue.", " groß"],
            "rejected": [" green.", " 🙂"],
            "score": [0.5, None],
        }
    ),
    FOLDER / "words.parquet",
)

pq.write_table(
    pa.table({"chosen": ["a"], "rejected": ["b"]}),
    FOLDER / "zstd.parquet",
    compression="zstd",
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
