"""A process that dies after one of its writes to MLflow, whichever is asked for."""

from mlflow import MlflowClient


class Killed(BaseException):
    """Stands for kill -9: nothing is written after it, by whoever would still clean up."""


class Mortal:
    """Counts the calls of MlflowClient's methods `writes`, and dies of the one numbered `last`."""

    def __init__(self, patch, writes, last):
        self.last, self.done, self.dead = last, 0, False
        for name in writes:
            patch.setattr(MlflowClient, name, self._counted(getattr(MlflowClient, name)))

    def _counted(self, write):
        def call(*given, **named):
            if self.dead:
                raise Killed
            result = write(*given, **named)
            self.done += 1
            if self.done == self.last:
                self.dead = True
                raise Killed
            return result

        return call
