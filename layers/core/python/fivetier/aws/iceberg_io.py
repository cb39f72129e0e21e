"""Iceberg's files through the process's own S3 client.

pyiceberg would bring Arrow's C++ S3 client: another place for region, credentials, endpoint, retries and time-outs,
and one that neither crash tests nor emulator hooks can see. Metadata files are small; data files are read by ranges.
"""

import io
from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from fivetier.aws import clients, s3_objects

#: Up to this size one request reads the whole object.
_SMALL = 8 * 1024 * 1024
_BUFFER = 4 * 1024 * 1024


class S3FileIO(FileIO):
    """pyiceberg makes it by name, from the catalog property `py-io-impl`."""

    def new_input(self, location: str) -> "S3File":
        """A file to read."""
        return S3File(location)

    def new_output(self, location: str) -> "S3File":
        """A file to write."""
        return S3File(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Refuse, which pyiceberg notes in the log and lives with.

        It would delete the manifests of a commit that was reported as lost. But such a commit may have landed: the
        answer got lost, the SDK repeated the request, and Glue found the version old. Without its manifests the
        table is broken for every reader, while an orphan costs a few kilobytes.
        """
        raise PermissionError(f"{location if isinstance(location, str) else location.location}: files are kept")


class S3File(InputFile, OutputFile):
    """One object; Iceberg never changes one, so there is nothing to lock."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        url = urlparse(location)
        self._bucket, self._key = url.netloc, url.path.lstrip("/")
        self._s3 = clients.client("s3")

    def __len__(self) -> int:
        return int(self._s3.head_object(Bucket=self._bucket, Key=self._key)["ContentLength"])

    def exists(self) -> bool:
        """Whether the object is there."""
        try:
            len(self)
        except ClientError as error:
            if s3_objects.is_gone(error):
                return False
            raise
        return True

    def open(self, seekable: bool = True) -> InputStream:
        """Read the object; a large one by ranges of that very content.

        Raises:
            FileNotFoundError: it is not there.
        """
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if s3_objects.is_gone(error):
                raise FileNotFoundError(self.location) from error
            raise
        if answer["ContentLength"] <= _SMALL:
            return io.BytesIO(answer["Body"].read())
        answer["Body"].close()
        return io.BufferedReader(_Ranges(self._s3, self._bucket, self._key, answer), _BUFFER)

    def create(self, overwrite: bool = False) -> OutputStream:
        """Collect what is written and put it when the stream is closed.

        Without `overwrite`, closing raises FileExistsError if the key holds something else. The same bytes are no
        conflict: then our own earlier request was stored and only its answer lost.
        """
        return _Upload(self, overwrite)

    def to_input_file(self) -> InputFile:
        """The same object, to read."""
        return self

    def put(self, data: bytes, *, overwrite: bool) -> None:
        """Write the object.

        Raises:
            FileExistsError: the key holds other bytes and `overwrite` is off.
        """
        condition = {} if overwrite else {"IfNoneMatch": "*"}
        try:
            self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=data, **condition)
        except ClientError as error:
            if not s3_objects.is_taken(error):
                raise
            if s3_objects.open_version(self._s3, self._bucket, self._key, None).read() != data:
                raise FileExistsError(self.location) from error


class _Upload(io.BytesIO):
    def __init__(self, file: S3File, overwrite: bool) -> None:
        super().__init__()
        self._file, self._overwrite = file, overwrite

    def close(self) -> None:
        if not self.closed:
            data = self.getvalue()
            super().close()
            self._file.put(data, overwrite=self._overwrite)


class _Ranges(io.RawIOBase):
    """A seekable view of an object, one GET per read."""

    def __init__(self, s3: Any, bucket: str, key: str, first: dict[str, Any]) -> None:
        self._s3, self._request = s3, {"Bucket": bucket, "Key": key, "IfMatch": first["ETag"]}
        self._size, self._position = int(first["ContentLength"]), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if self._position >= end:
            return 0
        wanted = f"bytes={self._position}-{end - 1}"
        data: bytes = self._s3.get_object(**self._request, Range=wanted)["Body"].read()
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
