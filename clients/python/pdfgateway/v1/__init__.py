"""The generated messages and stubs of the contract in protos/pdfgateway/v1."""
