"""The gateway: one ingress that speaks gRPC and HTTP, over one service, over the job store."""
