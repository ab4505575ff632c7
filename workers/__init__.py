"""The consumers: they take jobs from the queue, fetch, extract and summarise, and write the job's record.

Nothing here knows the gateway, gRPC or HTTP servers; the gateway builds on this package, never the other way round.
"""
