"""Pictures as a table of Spark's, wherever it can read: a folder, or Parquet.

Places are Spark's: a folder of this machine, or s3a://, hdfs:// and whatever else its settings know.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from garment_ml.base.errors import GarmentError, UserError, first_line
from garment_ml.data.folders import SYSTEM_FILES, below, is_ignored, walk
from garment_ml.data.source_options import Problems
from garment_ml.operations.answer_file import PARQUET

ID, CONTENT = "id", "content"


class SparkPictures(NamedTuple):
    """A folder, all below which is taken, or Parquet with ids and whole files as bytes in two columns."""

    place: str
    id_column: str
    picture_column: str


def list_for_spark(spark: Any, pictures: SparkPictures) -> Any:
    """A table of ids and files' bytes; UserError for a place without them, and for an id that comes twice."""
    root, files = in_hadoop(spark, pictures.place)
    if not files.exists(root):
        raise UserError(f"there is no {pictures.place}; expected a folder of pictures, or Parquet")
    if pictures.place.rstrip("/").endswith(PARQUET):
        listed = _of_parquet(spark, pictures)
    elif files.getFileStatus(root).isDirectory():
        listed = _of_folder(spark, pictures.place, root.toString().rstrip("/"))
    else:
        raise UserError(f"{pictures.place} is a file; --engine spark reads a folder of pictures, or Parquet")
    if listed.isEmpty():
        raise UserError(f"{pictures.place} has no pictures; expected a folder of them, or Parquet")
    return listed


def _of_folder(spark: Any, place: str, root: str) -> Any:
    """The same files with the same ids as `listing.list_pictures`."""
    from pyspark.sql import functions as F

    empty = _check_local(Path(place)) if Path(place).is_dir() else []
    literal = re.sub(r"([\\\[\]{}*?])", r"\\\1", root)  # load() takes patterns
    found = spark.read.format("binaryFile").option("recursiveFileLookup", True).load(literal)
    name = F.substring_index(F.lower("path"), "/", -1)
    id = F.expr(f"substring(path, {len(root) + 2})").alias(ID)  # counts from 1
    listed = found.where(~name.isin(*SYSTEM_FILES)).select(id, CONTENT)
    return listed.union(spark.createDataFrame([(each, b"") for each in empty], listed.schema))


def _check_local(folder: Path) -> list[str]:
    """Ids of empty files, which Spark passes over without a word, as it does names with an underscore."""
    empty = []
    for path in walk(folder, Problems(skip=True)):
        name = below(folder, path)
        if is_ignored(path, []):
            continue
        if name[0] == "_" or "/_" in name or ":" in name:
            raise UserError(
                f"{path}: Spark reads no names with a colon and none that begin with _; expected others, or "
                "--engine local"
            )
        if path.stat().st_size == 0:
            empty.append(name)
    return empty


def _of_parquet(spark: Any, pictures: SparkPictures) -> Any:
    from pyspark.sql import functions as F
    from pyspark.sql.types import BinaryType

    id_column, picture_column = pictures.id_column, pictures.picture_column
    with told(f"{pictures.place} can't be read as Parquet", UserError):
        table = spark.read.parquet(pictures.place)
    columns = [F.col(id_column).cast("string").alias(ID), F.col(picture_column).alias(CONTENT)]
    expected = f"{id_column!r} (--id-column) and {picture_column!r} (--picture-column)"
    has = ", ".join(table.columns)
    with told(f"{pictures.place} has the columns {has}, expected {expected}", UserError):
        listed = table.select(columns)
    if not isinstance(listed.schema[CONTENT].dataType, BinaryType):
        raise UserError(f"{pictures.place}: the column {picture_column!r} holds no bytes of picture files")
    twice = listed.groupBy(ID).count().where((F.col("count") > 1) | F.col(ID).isNull()).first()
    if twice is not None:
        what = "no id" if twice[ID] is None else f"the id {twice[ID]!r}"
        raise UserError(f"{pictures.place}: {twice['count']:,} rows have {what}, expected one for each")
    return listed


def in_hadoop(spark: Any, place: str) -> tuple[Any, Any]:
    """The place as Spark calls it, and its file system; UserError for a kind that it doesn't know."""
    path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path(place)
    with told(f"this Spark can't reach {place}", UserError):
        files = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    return files.makeQualified(path), files


@contextmanager
def told(sentence: str, kind: type[GarmentError]) -> Iterator[None]:
    """What Spark and its file systems raise, without a hundred lines of Java."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except PySparkException as error:
        raise kind(f"{sentence}: {first_line(error)}") from error
    except Py4JJavaError as error:
        reason = error.java_exception.toString().splitlines()[0]
        raise kind(f"{sentence}: {reason}") from error
