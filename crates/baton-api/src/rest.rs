//! Types of the REST API under `/api/v1`, one file a resource.
