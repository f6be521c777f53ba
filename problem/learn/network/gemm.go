package network

import _ "weir/gemm" // registers a faster blas32.Gemm where there is one
