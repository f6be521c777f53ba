package coordinator

import "context"

func (n *node[T]) serveHTTP(ctx context.Context) { <-ctx.Done() }
