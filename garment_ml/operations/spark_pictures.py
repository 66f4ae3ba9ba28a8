"""Pictures as a table of Spark's, wherever it can read: a folder, or Parquet.

Places are Spark's: a folder of this machine, or s3a://, hdfs:// and whatever else its settings know.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from garment_ml.base.errors import GarmentError, UserError, first_line
from garment_ml.data.folders import SYSTEM_FILES
from garment_ml.operations.answer_file import PARQUET
from garment_ml.operations.listing import CONTEST, is_contest, list_pictures

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
    if pictures.place.rstrip("/").lower().endswith(PARQUET):
        listed = _of_parquet(spark, pictures, literal(root))
    elif files.getFileStatus(root).isDirectory():
        listed = _of_folder(spark, root)
    else:
        raise UserError(f"{pictures.place} is a file; --engine spark reads a folder of pictures, or Parquet")
    if listed.isEmpty():
        raise UserError(f"{pictures.place} has no pictures; expected a folder of them, or Parquet")
    return listed


def _of_folder(spark: Any, root: Any) -> Any:
    """The same files with the same ids as `listing.list_pictures`, as far as that can be compared."""
    from pyspark.sql import functions as F

    found = spark.read.format("binaryFile").option("recursiveFileLookup", True).load(literal(root))
    name = F.substring_index(F.lower("path"), "/", -1)
    length = len(root.toString().rstrip("/")) + 1
    id = F.expr(f"substring(path, {length + 1})").alias(ID)  # counts from 1
    listed = found.where(~name.isin(*SYSTEM_FILES)).select(id, CONTENT)
    if root.toUri().getScheme() != "file":
        return listed
    known = {row[ID] for row in listed.select(ID).collect()}
    empty = _passed_over(Path(root.toUri().getPath()), known)
    return listed.union(spark.createDataFrame([(each, b"") for each in empty], listed.schema))


def _passed_over(folder: Path, known: set[str]) -> list[str]:
    """Ids of empty files, which Spark leaves out without a word.

    Raises UserError for other differences between what it has listed, `known`, and what lies there: names
    that begin with an underscore are left out, too, links in a circle are followed, and a name with a colon,
    or a file that mustn't be read, ends the whole job.
    """
    if is_contest(folder):
        raise UserError(f"{folder} is a contest; --engine spark takes its folder {CONTEST}, or Parquet")
    files = {each.id: each.path for each in list_pictures(folder, "", "")}
    empty = [
        id for id, path in files.items() if id not in known and path.exists() and not path.stat().st_size
    ]
    unlike = known.symmetric_difference(files).difference(empty)
    unlike |= {id for id, path in files.items() if ":" in id or not os.access(path, os.R_OK)}
    if unlike:
        raise UserError(
            f"{folder / min(unlike)}: Spark leaves this out, follows it in a circle, or can't read it; mind "
            "underscores at the beginning, colons, links and permissions, or take --engine local"
        )
    return empty


def _of_parquet(spark: Any, pictures: SparkPictures, place: str) -> Any:
    from pyspark.sql import functions as F
    from pyspark.sql.types import ArrayType, BinaryType, MapType, StructType

    id_column, picture_column = pictures.id_column, pictures.picture_column
    with told(f"{pictures.place} can't be read as Parquet", UserError):
        table = spark.read.parquet(place)
    ids, contents = (F.col(_quoted(each, table.columns)) for each in (id_column, picture_column))
    expected = f"{id_column!r} (--id-column) and {picture_column!r} (--picture-column)"
    has = ", ".join(table.columns)
    with told(f"{pictures.place} has the columns {has}, expected {expected}", UserError):
        listed = table.select(ids.alias(ID), contents.alias(CONTENT))
    if isinstance(listed.schema[ID].dataType, (BinaryType, StructType, ArrayType, MapType)):
        raise UserError(f"{pictures.place}: the column {id_column!r} holds no ids, expected text or numbers")
    listed = listed.withColumn(ID, F.col(ID).cast("string"))
    if not isinstance(listed.schema[CONTENT].dataType, BinaryType):
        raise UserError(f"{pictures.place}: the column {picture_column!r} holds no bytes of picture files")
    twice = listed.groupBy(ID).count().where((F.col("count") > 1) | F.col(ID).isNull()).first()
    if twice is not None:
        what = "no id" if twice[ID] is None else f"the id {twice[ID]!r}"
        raise UserError(f"{pictures.place}: {twice['count']:,} rows have {what}, expected one for each")
    return listed


def _quoted(name: str, columns: Sequence[str]) -> str:
    """A column's own name, dots and all; otherwise the path to one within a column."""
    return f"`{name.replace('`', '``')}`" if name in columns else name


def literal(path: Any) -> str:
    """Without the patterns that Spark's readers take names for."""
    return re.sub(r"([\\\[\]{}*?])", r"\\\1", path.toString())


def in_hadoop(spark: Any, place: str) -> tuple[Any, Any]:
    """The place as Spark calls it, and its file system; UserError for a kind that it doesn't know."""
    path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path(place)
    with told(f"this Spark can't reach {place}", UserError):
        files = path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
    return files.makeQualified(path), files


@contextmanager
def told(sentence: str, kind: type[GarmentError]) -> Iterator[None]:
    """What Spark and its file systems raise, without a hundred lines of Java."""
    from py4j.protocol import Py4JError, Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        reason = first_line(error)
        if isinstance(error, Py4JJavaError):  # its own text is of the call, not of what was wrong
            reason = error.java_exception.toString().splitlines()[0]
        raise kind(f"{sentence}: {reason}") from error
