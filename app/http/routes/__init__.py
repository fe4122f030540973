"""The HTTP routes, one file a resource. A route only translates: a request into a job, a result into a reply."""
