"""Spark, for those who have it: the session that was given, or one on this machine's cores."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from garment_ml.base.errors import GarmentError, UserError, first_line

# Of pictures, which are larger than the rows that Spark's own values are for; what `spark-submit --conf` or
# spark-defaults.conf say comes first.
SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "256",  # 10,000 photographs would not fit into memory
    "spark.sql.files.openCostInBytes": "65536",  # at most 2,000 small files a task, instead of 32
}


@contextmanager
def spark_session() -> Iterator[Any]:
    """Raises UserError without pyspark, GarmentError where Spark doesn't start."""
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise UserError(
            "--engine spark needs pyspark: pip install 'garment-ml[spark]', and Java 17"
        ) from None
    # Spark's own is the python3 on the PATH, which need not be the one that has this package.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    for noisy in ("mlflow.pyfunc", "DataFrameQueryContextLogger", "py4j"):  # say again what is raised
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    theirs = SparkSession.getActiveSession()
    # What goes wrong is raised here, too; in its log that is a hundred lines of Java.
    builder = SparkSession.builder.appName("garment-ml score").config("spark.log.level", "OFF")
    try:
        spark = theirs or builder.getOrCreate()
    except (PySparkException, Py4JError, OSError, RuntimeError) as error:
        raise GarmentError(f"Spark doesn't start (it needs Java 17 or newer): {first_line(error)}") from error
    try:
        given = spark.sparkContext.getConf()
        for name, value in SETTINGS.items():
            if not given.contains(name):
                spark.conf.set(name, value)
        yield spark
    finally:
        if not theirs:
            spark.stop()
