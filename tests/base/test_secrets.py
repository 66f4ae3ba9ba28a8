import pytest

from garment_ml.base.secrets import without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3cr:et@host:5432/mlflow", "postgresql://me:***@host:5432/mlflow"),
        ("postgresql+psycopg2://me:p%40ss@host/mlflow", "postgresql+psycopg2://me:***@host/mlflow"),
        ("mysql://:secret@host/x and http://a:b@c/", "mysql://:***@host/x and http://a:***@c/"),
        (
            "postgresql://host/mlflow?user=me&password=secret&x=1",
            "postgresql://host/mlflow?user=me&password=***&x=1",
        ),
        ("in 'postgresql://host/x?password=secret'", "in 'postgresql://host/x?password=***'"),
        ("postgresql://u:pa/ss@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:p@ss@host/db", "postgresql://u:***@host/db"),
        (
            "mssql+pyodbc:///?odbc_connect=UID%3Dme%3BPWD%3Dsecret%3BX%3D1",
            "mssql+pyodbc:///?odbc_connect=UID%3Dme%3BPWD%3D***%3BX%3D1",
        ),
        ("x?Pwd=a&passwd=b&sslpassword=c&n=1", "x?Pwd=***&passwd=***&sslpassword=***&n=1"),
        ("https://t0ken@host/x", "https://***@host/x"),
        ("http://127.0.0.1:5000/a@b", "http://127.0.0.1:5000/a@b"),
        ("sqlite:////tmp/mlflow.db", "sqlite:////tmp/mlflow.db"),
        ("postgresql://me@host:5432/mlflow", "postgresql://me@host:5432/mlflow"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("at http://127.0.0.1:5000 me@x", "at http://127.0.0.1:5000 me@x"),
        ("12:30 and me:you@there", "12:30 and me:you@there"),
    ],
)
def test_passwords_are_not_shown_and_all_else_is(text, shown):
    assert without_passwords(text) == shown
