//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// Two kernels for tiles of 6 x 16: full, and edge for the tiles that C cuts off on the right. Both keep their state in
// the same registers:
//
//	R14        the strip
//	AX, CX     tiles left; steps left along K
//	R15        A, first row of the tile
//	DI, R8     A, rows 0 and 3 of the tile at the current step
//	SI, R11    A's strides: to the next row, to the next step
//	DX, R12    B, current row and stride
//	BX, R13    C, current row and stride
//	R10        edge: sixteen words that say which columns there are
//	Y0-Y11     the tile, two registers a row
//	Y12, Y13   a row of B, then of C
//	Y14        an element of A; edge: which columns there are
//	Y15        alpha, then beta

// ROWSn does op(element of A, registers of the tile) for the first n rows.
#define ROWS1(op) op((DI), Y0, Y1)
#define ROWS2(op) ROWS1(op); op((DI)(SI*1), Y2, Y3)
#define ROWS3(op) ROWS2(op); op((DI)(SI*2), Y4, Y5)
#define ROWS4(op) ROWS3(op); op((R8), Y6, Y7)
#define ROWS5(op) ROWS4(op); op((R8)(SI*1), Y8, Y9)
#define ROWS6(op) ROWS5(op); op((R8)(SI*2), Y10, Y11)

#define CLEAR(element, lo, hi) \
	VXORPS lo, lo, lo;         \
	VXORPS hi, hi, hi

#define MULADD(element, lo, hi) \
	VBROADCASTSS element, Y14;  \
	VFMADD231PS  Y12, Y14, lo;  \
	VFMADD231PS  Y13, Y14, hi

#define SCALE(element, lo, hi) \
	VMULPS Y15, lo, lo;        \
	VMULPS Y15, hi, hi

#define LOAD_FULL      \
	VMOVUPS (DX), Y12; \
	VMOVUPS 32(DX), Y13

#define LOAD_EDGE              \
	VMOVUPS    (R10), Y14;     \
	VMASKMOVPS (DX), Y14, Y12; \
	VMOVUPS    32(R10), Y14;   \
	VMASKMOVPS 32(DX), Y14, Y13

#define STORE_FULL(element, lo, hi) \
	VMOVUPS lo, (BX);               \
	VMOVUPS hi, 32(BX);             \
	ADDQ    R13, BX

#define STORE_EDGE(element, lo, hi) \
	VMOVUPS    (R10), Y14;          \
	VMASKMOVPS lo, Y14, (BX);       \
	VMOVUPS    32(R10), Y14;        \
	VMASKMOVPS hi, Y14, 32(BX);     \
	ADDQ       R13, BX

#define BLEND_FULL(element, lo, hi) \
	LOAD_FULL;                      \
	VFMADD231PS Y12, Y15, lo;       \
	VFMADD231PS Y13, Y15, hi;       \
	ADDQ        R13, DX

#define BLEND_EDGE(element, lo, hi) \
	LOAD_EDGE;                      \
	VFMADD231PS Y12, Y15, lo;       \
	VFMADD231PS Y13, Y15, hi;       \
	ADDQ        R13, DX

// TILES computes the strip's tiles, one below the other. 0x3f800000 is 1; twice beta is 0 for 0 and for -0.
#define TILES(ROWS, LOAD, BLEND, STORE)         \
tile:                                           \
	MOVQ         R15, DI;                       \
	LEAQ         (SI)(SI*2), R8;                \
	ADDQ         DI, R8;                        \
	MOVQ         strip_b(R14), DX;              \
	MOVQ         strip_depth(R14), CX;          \
	ROWS(CLEAR);                                \
step:                                           \
	LOAD;                                       \
	ROWS(MULADD);                               \
	ADDQ         R12, DX;                       \
	ADDQ         R11, DI;                       \
	ADDQ         R11, R8;                       \
	DECQ         CX;                            \
	JNZ          step;                          \
	CMPL         strip_alpha(R14), $0x3f800000; \
	JEQ          scaled;                        \
	VBROADCASTSS strip_alpha(R14), Y15;         \
	ROWS(SCALE);                                \
scaled:                                         \
	MOVL         strip_beta(R14), CX;           \
	SHLL         $1, CX;                        \
	JEQ          blended;                       \
	VBROADCASTSS strip_beta(R14), Y15;          \
	MOVQ         BX, DX;                        \
	ROWS(BLEND);                                \
blended:                                        \
	ROWS(STORE);                                \
	MOVQ         strip_rows(R14), CX;           \
	IMULQ        SI, CX;                        \
	ADDQ         CX, R15;                       \
	DECQ         AX;                            \
	JNZ          tile;                          \
	VZEROUPPER;                                 \
	RET

#define FULL(ROWS) TILES(ROWS, LOAD_FULL, BLEND_FULL, STORE_FULL)
#define EDGE(ROWS) TILES(ROWS, LOAD_EDGE, BLEND_EDGE, STORE_EDGE)

// func tilesAVX2(s *strip)
TEXT ·tilesAVX2(SB), NOSPLIT, $0-8
	MOVQ s+0(FP), R14
	MOVQ strip_tiles(R14), AX
	MOVQ strip_a(R14), R15
	MOVQ strip_aRow(R14), SI
	MOVQ strip_aCol(R14), R11
	MOVQ strip_bRow(R14), R12
	MOVQ strip_c(R14), BX
	MOVQ strip_cRow(R14), R13
	MOVQ strip_rows(R14), CX
	MOVQ strip_cols(R14), R9
	CMPQ R9, $16
	JEQ  full
	SHLQ $2, R9
	LEAQ columns<>+64(SB), R10
	SUBQ R9, R10
	LEAQ edgeRows<>(SB), DX
	JMP  -8(DX)(CX*8)

full:
	LEAQ fullRows<>(SB), DX
	JMP  -8(DX)(CX*8)

TEXT full1<>(SB), NOSPLIT, $0-8
	FULL(ROWS1)
TEXT full2<>(SB), NOSPLIT, $0-8
	FULL(ROWS2)
TEXT full3<>(SB), NOSPLIT, $0-8
	FULL(ROWS3)
TEXT full4<>(SB), NOSPLIT, $0-8
	FULL(ROWS4)
TEXT full5<>(SB), NOSPLIT, $0-8
	FULL(ROWS5)
TEXT full6<>(SB), NOSPLIT, $0-8
	FULL(ROWS6)

TEXT edge1<>(SB), NOSPLIT, $0-8
	EDGE(ROWS1)
TEXT edge2<>(SB), NOSPLIT, $0-8
	EDGE(ROWS2)
TEXT edge3<>(SB), NOSPLIT, $0-8
	EDGE(ROWS3)
TEXT edge4<>(SB), NOSPLIT, $0-8
	EDGE(ROWS4)
TEXT edge5<>(SB), NOSPLIT, $0-8
	EDGE(ROWS5)
TEXT edge6<>(SB), NOSPLIT, $0-8
	EDGE(ROWS6)

DATA fullRows<>+0(SB)/8, $full1<>(SB)
DATA fullRows<>+8(SB)/8, $full2<>(SB)
DATA fullRows<>+16(SB)/8, $full3<>(SB)
DATA fullRows<>+24(SB)/8, $full4<>(SB)
DATA fullRows<>+32(SB)/8, $full5<>(SB)
DATA fullRows<>+40(SB)/8, $full6<>(SB)
GLOBL fullRows<>(SB), RODATA, $48

DATA edgeRows<>+0(SB)/8, $edge1<>(SB)
DATA edgeRows<>+8(SB)/8, $edge2<>(SB)
DATA edgeRows<>+16(SB)/8, $edge3<>(SB)
DATA edgeRows<>+24(SB)/8, $edge4<>(SB)
DATA edgeRows<>+32(SB)/8, $edge5<>(SB)
DATA edgeRows<>+40(SB)/8, $edge6<>(SB)
GLOBL edgeRows<>(SB), RODATA, $48

// Sixteen columns that are there, then sixteen that are not: the words for n columns start n before the middle.
DATA columns<>+0(SB)/8, $-1
DATA columns<>+8(SB)/8, $-1
DATA columns<>+16(SB)/8, $-1
DATA columns<>+24(SB)/8, $-1
DATA columns<>+32(SB)/8, $-1
DATA columns<>+40(SB)/8, $-1
DATA columns<>+48(SB)/8, $-1
DATA columns<>+56(SB)/8, $-1
GLOBL columns<>(SB), RODATA, $128
