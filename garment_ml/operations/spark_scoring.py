"""What a model says of more pictures than one machine holds: MLflow's function for Spark."""

from pathlib import Path
from typing import Any

import mlflow
from mlflow.models import Model

from garment_ml.base.errors import GarmentError, UserError
from garment_ml.operations.answer_file import AnswerForm
from garment_ml.operations.answers_written import Summary
from garment_ml.operations.spark_pictures import (
    CONTENT,
    ID,
    SparkPictures,
    in_hadoop,
    list_for_spark,
    literal,
    told,
)
from garment_ml.shipped.columns import CONFIDENCE, ERROR, IMAGE, LABEL, ON_ERROR, REPORT

UNFINISHED, FINISHED = "_temporary", "_SUCCESS"


def score_with_spark(
    spark: Any, model: Path, pictures: SparkPictures, output: str, form: AnswerForm
) -> Summary:
    """A folder of Parquet files, with the rows and columns that the local engine writes, in no order.

    `model` is a folder that MLflow logged. Spark commits all at the end; killed before, it begins again.
    Raises UserError for what can't be read as pictures, and for an output that is there.
    """
    from pyspark.sql import Observation

    with told("Spark stopped", GarmentError):
        place, files = in_hadoop(spark, output)
        mode = _writing_mode(place, files, output)
        seen = Observation()
        listed = list_for_spark(spark, pictures).observe(seen, _digest_of_all())
        answers = _answered(spark, listed, model)
        names = {ID: form.id_column, LABEL: form.label_column}
        renamed = answers.toDF(*(names.get(each, each) for each in answers.columns))
        renamed.write.mode(mode).parquet(output)
        written = spark.read.parquet(literal(place)).toDF(*answers.columns)
        return _summary(written, f"{seen.get['digest'] & (2**64 - 1):016x}")


def _writing_mode(place: Any, files: Any, output: str) -> str:
    """Only what a killed writing left is overwritten."""
    if not files.exists(place):
        return "errorifexists"
    # The committer removes UNFINISHED when all is where it should be, and then says so by FINISHED.
    names = {each.getPath().getName() for each in files.listStatus(place)}
    if names and (FINISHED in names or UNFINISHED not in names):
        raise UserError(f"--output {output!r} is there already; Spark writes a folder that is new")
    return "overwrite"


def _digest_of_all() -> Any:
    """Stands for ids and bytes, whatever order they are in."""
    from pyspark.sql import functions as F

    return F.bit_xor(F.xxhash64(ID, CONTENT)).alias("digest")


def _answered(spark: Any, listed: Any, model: Path) -> Any:
    """Asked with `on_error`, so that one broken file doesn't end the job."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StringType, StructField, StructType

    answers = Model.load(model).signature.outputs.as_spark_schema().add(ERROR, StringType())
    result = StructType([StructField(each.name, each.dataType) for each in answers])  # a bad row has nulls
    params = {ON_ERROR: REPORT}
    answer = mlflow.pyfunc.spark_udf(spark, str(model), result, env_manager="local", params=params)
    asked = F.struct(F.base64(CONTENT).alias(IMAGE))
    answered = listed.select(ID, answer(asked).alias("answer")).select(ID, "answer.*")
    read = F.col(CONFIDENCE).isNotNull()  # MLflow makes the text "None" of a text that is not there
    return answered.withColumns({LABEL: F.when(read, F.col(LABEL)), ERROR: F.when(~read, F.col(ERROR))})


def _summary(written: Any, digest: str) -> Summary:
    from pyspark.sql import functions as F

    error = F.first(F.concat(ID, F.lit(": "), ERROR), ignorenulls=True).alias("error")
    totals = [F.count("*").alias("rows"), F.sum(CONFIDENCE).alias("confidence"), error]
    summary = Summary(digest=digest)
    for row in written.groupBy(LABEL).agg(*totals).collect():
        if row[LABEL] is None:
            summary.errors, summary.first_error = row["rows"], row["error"]
        else:
            summary.labels[row[LABEL]] = row["rows"]
            summary.confidence += row["confidence"]
    return summary
