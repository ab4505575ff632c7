"""A protoc plugin for gRPC's Python stubs: buf runs plugins, and grpcio-tools ships its generator as a library only."""

import pathlib
import sys
import tempfile

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from grpc_tools import protoc

request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
response = plugin_pb2.CodeGeneratorResponse(supported_features=plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
wanted = set(request.file_to_generate)
with_services = [file.name for file in request.proto_file if file.service and file.name in wanted]
with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder, "out")
    out.mkdir()
    descriptors = pathlib.Path(folder, "descriptors.binpb")
    descriptors.write_bytes(descriptor_pb2.FileDescriptorSet(file=request.proto_file).SerializeToString())
    arguments = ["protoc", f"--descriptor_set_in={descriptors}", f"--grpc_python_out={out}"]
    if with_services and (code := protoc.main([*arguments, *with_services])):
        sys.exit(code)
    for path in sorted(out.rglob("*.py")):
        response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text())
sys.stdout.buffer.write(response.SerializeToString())
