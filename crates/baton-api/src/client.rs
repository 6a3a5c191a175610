//! The one typed client of the REST API.
