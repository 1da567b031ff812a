package api

// formOverhead is what a multipart form may add to the file in it.
const formOverhead = 64 << 10
