"""Reads each file as `gcloud run services replace` does; prints the name of each service.

Usage: knative.py FOLDER-OF-THE-SDK FILE...
"""
import sys

sdk, *files = sys.argv[1:]
sys.path[:0] = [f"{sdk}/lib", f"{sdk}/lib/third_party"]

from googlecloudsdk.api_lib.run import service  # noqa: E402
from googlecloudsdk.api_lib.util import apis, messages  # noqa: E402
from googlecloudsdk.core import yaml  # noqa: E402

run = apis.GetMessagesModule("run", "v1")
for file in files:
    message = messages.DictToMessageWithErrorCheck(yaml.load_path(file), run.Service)
    print(service.Service(message, run).name)
