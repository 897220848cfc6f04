"""LocalStack on a machine without Docker, listening on 127.0.0.1 only.

LocalStack is taken as it is published; four things that it expects of its image are put in their place before it
starts: where it listens, what runs a function, what serves the tables, and ECR. Ends at SIGTERM and SIGINT, with
everything that it started.
"""

import functools
import os
import sys
from types import SimpleNamespace

from twisted.internet import endpoints

from executor import NodeExecutor


def listen_on_loopback_only() -> None:
    """It gives its server no address, which means all of them."""
    endpoints.TCP4ServerEndpoint = functools.partial(endpoints.TCP4ServerEndpoint, interface="127.0.0.1")


def run_functions_as_processes() -> None:
    from localstack.services.lambda_.invocation import runtime_executor

    # In the form of the registry of plug-ins where it looks for one by name.
    plugin = SimpleNamespace(load=lambda: NodeExecutor)
    runtime_executor.EXECUTOR_PLUGIN_MANAGER = SimpleNamespace(exists=lambda _: True, load=lambda _: plugin)


def take_tables_from(folder: str, instance: str) -> None:
    """DynamoDB Local from `folder`, instead of what its installer would download."""
    from localstack.services.dynamodb import packages, server

    def command(self: server.DynamodbServer) -> list[str]:
        return [
            os.environ["DYNAMODB_JAVA"],
            f"-Xmx{self.heap_size}",
            f"-Djava.library.path={folder}",
            f"-D{instance}",
            "-cp",
            f"{folder}{os.pathsep}{folder}/*",
            "LoopbackDynamoDb",
            "-inMemory",
            "-port",
            str(self.port),
        ]

    server.DynamodbServer._create_shell_command = command
    packages.DynamoDBLocalPackageInstaller.install = lambda *_args, **_options: None
    packages.DynamoDBLocalPackageInstaller.get_java_env_vars = lambda _self: {}


def answer_for_ecr() -> None:
    """`serverless remove` asks ECR whether it has the service's images. LocalStack leaves ECR out; moto has it."""
    from localstack.aws.skeleton import Skeleton
    from localstack.aws.spec import load_service
    from localstack.services.moto import call_moto
    from localstack.services.plugins import SERVICE_PLUGINS, Service

    operations = {"DescribeRepositories": lambda context, _request: call_moto(context)}
    SERVICE_PLUGINS.api_provider_specs["ecr"] = ["default"]
    SERVICE_PLUGINS.add_service(Service(name="ecr", skeleton=Skeleton(load_service("ecr"), operations)))


def main() -> None:
    _, dynamodb_folder, instance = sys.argv
    listen_on_loopback_only()
    run_functions_as_processes()
    take_tables_from(dynamodb_folder, instance)
    answer_for_ecr()

    from localstack.runtime.main import main as run

    try:
        run()
    except SystemExit as end:
        # All services have stopped. After functions ran, the end of the interpreter itself hangs.
        sys.stdout.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)


if __name__ == "__main__":
    main()
