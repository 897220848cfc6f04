"""Runs each execution environment of a function as a Node process, and treats it as Lambda does.

The process gets its invocations and gives its answers as lines of JSON over one socket (see bootstrap.ts). Between two
invocations it is stopped, as Lambda freezes an environment: what a handler leaves running does not go on behind it.
What it writes goes to a file, so that all of it is there when the answer is.
"""

import fcntl
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

HOST = "127.0.0.1"
BOOTSTRAP = Path(__file__).parent / "bootstrap.ts"
NODE = os.environ["FUNCTION_NODE"]
# What the runtime brings along for every function: the AWS SDK.
RUNTIME_MODULES = os.environ["FUNCTION_MODULES"]
# Names the LocalStack that this process belongs to, for whoever ends what it left behind.
INSTANCE = os.environ["FUNCTION_INSTANCE"]
# The rest of what LocalStack was started with is none of a function's business.
PASSED_ON = ("PATH", "LANG", "TMPDIR")
MAX_LOG_BYTES = 1 << 20
# Of the function's memory: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
HEAP_SHARE = 0.9
EXIT_TIMEOUT_S = 1


class Ended(Exception):
    """The process ended before it answered."""


class NodeProcess:
    """One cold start and what follows, until it fails. Raises StatusErrorException when it cannot be started."""

    def __init__(self, command: list[str], folder: Path, env: dict[str, str]) -> None:
        self._log = tempfile.TemporaryFile(buffering=0)
        # Its place for writing is then always the end, also after what was read is cut off.
        fcntl.fcntl(self._log, fcntl.F_SETFL, os.O_APPEND)
        self._received = b""
        self._socket, inside = socket.socketpair()
        with inside:
            self._process = subprocess.Popen(
                [*command, str(inside.fileno()), INSTANCE],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                pass_fds=[inside.fileno()],
                # Of this session: a stopped process whose parent dies is then ended by the kernel.
                process_group=0,
            )

    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: dict, timeout_s: float) -> dict:
        """:raises TimeoutError: when there is no answer in time. :raises Ended: when there will be none."""
        os.killpg(self._process.pid, signal.SIGCONT)
        try:
            self._socket.sendall(json.dumps(question).encode() + b"\n")
        except BrokenPipeError as error:
            raise Ended from error
        answer = self.answer(timeout_s)
        os.killpg(self._process.pid, signal.SIGSTOP)
        return answer

    def answer(self, timeout_s: float | None) -> dict:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._received[-1:]:
            self._socket.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
            try:
                chunk = self._socket.recv(1 << 20)
            except ConnectionResetError as error:
                raise Ended from error
            if not chunk:
                raise Ended
            self._received += chunk
        line, self._received = self._received, b""
        return json.loads(line)

    def written(self) -> str:
        """What it wrote since the last time."""
        self._log.seek(0)
        text = self._log.read(MAX_LOG_BYTES).decode(errors="replace")
        self._log.truncate(0)
        return text

    def how_it_ended(self) -> str:
        """As Lambda says it."""
        try:
            code = self._process.wait(EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:  # it only closed the socket
            self.end()
            code = self._process.wait()
        if code == 0:
            return "Runtime exited without providing a reason"
        how = f"exit status {code}" if code > 0 else f"signal: {signal.strsignal(-code).lower()}"
        return f"Runtime exited with error: {how}"

    def end(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._socket.close()


def error_of(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()


class NodeExecutor(RuntimeExecutor):
    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._env: dict[str, str] = {}
        self._process: NodeProcess | None = None
        self._init_ms = 0.0

    def start(self, env_vars: dict[str, str]) -> None:
        self._env = {name: str(value) for name, value in env_vars.items() if value is not None}
        self._start_process()

    def _start_process(self) -> None:
        function = self.function_version.config
        if not function.code or not str(function.runtime).startswith("nodejs"):
            raise LambdaRuntimeException(f"Expected a runtime nodejs…, got {function.runtime}: without Docker only Node runs")
        folder = function.code.get_unzipped_code_location()
        layers = [f"{layer.code.get_unzipped_code_location()}/nodejs/node_modules" for layer in function.layers if layer.code]
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | self._env
        env |= {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "LAMBDA_TASK_ROOT": str(folder),
            "LAMBDA_RUNTIME_DIR": str(BOOTSTRAP.parent),
            "NODE_PATH": ":".join(filter(None, [self._env.get("NODE_PATH"), *layers, RUNTIME_MODULES])),
        }
        began = time.perf_counter()
        heap = f"--max-old-space-size={int(function.memory_size * HEAP_SHARE)}"
        self._process = process = NodeProcess([NODE, heap, str(BOOTSTRAP)], folder, env)
        try:
            # LocalStack stops this executor when it takes too long.
            ready = process.answer(None)
        except (Ended, OSError):
            ready = {"failed": error_of("Runtime.ExitError", process.how_it_ended()).decode()}
        if "failed" in ready:
            self.stop()
            raise StatusErrorException("The function did not start", payload=ready["failed"].encode())
        self._init_ms = (time.perf_counter() - began) * 1000

    def stop(self) -> None:
        process, self._process = self._process, None
        if process:
            process.end()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        if self._process is None or not self._process.alive():
            self.stop()
            self._start_process()
        process = self._process
        init_ms, self._init_ms = self._init_ms, 0.0
        request_id = payload["invoke-id"]
        timeout_s = self.function_version.config.timeout
        began = time.perf_counter()
        question = {
            "requestId": request_id,
            "arn": payload["invoked-function-arn"],
            "traceId": payload.get("trace-id") or "",
            "deadlineMs": int(time.time() * 1000) + timeout_s * 1000,
            "event": payload["payload"],
        }
        status = ""
        try:
            answer = process.ask(question, timeout_s)
            body, failed, ends = answer["body"].encode(), answer["failed"], answer["ends"]
        except TimeoutError:
            status, failed, ends = "\tStatus: timeout", True, True
            message = f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
            body = error_of("Sandbox.Timedout", message)
        except (Ended, OSError):
            status, failed, ends = "\tStatus: error\tError Type: Runtime.ExitError", True, True
            body = error_of("Runtime.ExitError", f"RequestId: {request_id} Error: {process.how_it_ended()}")
        duration_ms = (time.perf_counter() - began) * 1000
        if ends:
            self.stop()
        logs = self._logs(request_id, process.written(), duration_ms, init_ms) + status + "\n"
        return InvocationResult(request_id, body, is_error=failed, logs=logs)

    def _logs(self, request_id: str, written: str, duration_ms: float, init_ms: float) -> str:
        memory = self.function_version.config.memory_size
        init = f"\tInit Duration: {init_ms:.2f} ms" if init_ms else ""
        return (
            f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}\n{written}"
            f"END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
            f"Billed Duration: {int(duration_ms) + 1} ms\tMemory Size: {memory} MB{init}"
        )

    # What LocalStack needs to know besides.

    def get_address(self) -> str:
        return HOST

    def get_endpoint_from_executor(self) -> str:
        return HOST

    def get_runtime_endpoint(self) -> str:
        return f"http://{HOST}:{config.GATEWAY_LISTEN[0].port}"

    def get_logs(self) -> str:
        return self._process.written() if self._process else ""

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        function = function_version.config
        for code in [function.code, *(layer.code for layer in function.layers)]:
            if code:
                code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        pass
