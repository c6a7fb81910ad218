return { service = "web", ports = { 8000, 8001 }, debug = false }
