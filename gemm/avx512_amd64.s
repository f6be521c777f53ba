//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// Both kernels, wide (tiles of 12 x 32) and narrow (12 x 16), keep their state in the same registers:
//
//	R14          the strip
//	AX, CX       tiles left; steps left along K
//	R15          A, first row of the tile
//	DI R8 R9 R10 A, rows 0, 3, 6 and 9 of the tile at the current step
//	SI, R11      A's strides: to the next row, to the next step
//	DX, R12      B, current row and stride
//	BX, R13      C, current row and stride
//	K1, K2       which of 16 and 16 columns there are
//	Z0-Z23       the tile, two registers a row; narrow uses the first of each two
//	Z24, Z25     a row of B
//	Z26          an element of A
//	Z27, Z28     a row of C
//	Z30, Z31     alpha, beta

// ROWSn does op(element of A, registers of the tile) for the first n rows.
#define ROWS1(op)  op((DI), Z0, Z1)
#define ROWS2(op)  ROWS1(op); op((DI)(SI*1), Z2, Z3)
#define ROWS3(op)  ROWS2(op); op((DI)(SI*2), Z4, Z5)
#define ROWS4(op)  ROWS3(op); op((R8), Z6, Z7)
#define ROWS5(op)  ROWS4(op); op((R8)(SI*1), Z8, Z9)
#define ROWS6(op)  ROWS5(op); op((R8)(SI*2), Z10, Z11)
#define ROWS7(op)  ROWS6(op); op((R9), Z12, Z13)
#define ROWS8(op)  ROWS7(op); op((R9)(SI*1), Z14, Z15)
#define ROWS9(op)  ROWS8(op); op((R9)(SI*2), Z16, Z17)
#define ROWS10(op) ROWS9(op); op((R10), Z18, Z19)
#define ROWS11(op) ROWS10(op); op((R10)(SI*1), Z20, Z21)
#define ROWS12(op) ROWS11(op); op((R10)(SI*2), Z22, Z23)

#define CLEAR(element, lo, hi) \
	VPXORD lo, lo, lo;         \
	VPXORD hi, hi, hi

#define SCALE(element, lo, hi) \
	VMULPS Z30, lo, lo;        \
	VMULPS Z30, hi, hi

#define LOADB_WIDE           \
	VMOVUPS.Z (DX), K1, Z24; \
	VMOVUPS.Z 64(DX), K2, Z25

#define MULADD_WIDE(element, lo, hi) \
	VBROADCASTSS element, Z26;       \
	VFMADD231PS  Z24, Z26, lo;       \
	VFMADD231PS  Z25, Z26, hi

#define BLEND_WIDE(element, lo, hi) \
	VMOVUPS.Z   (DX), K1, Z27;      \
	VMOVUPS.Z   64(DX), K2, Z28;    \
	ADDQ        R13, DX;            \
	VFMADD231PS Z27, Z31, lo;       \
	VFMADD231PS Z28, Z31, hi

#define STORE_WIDE(element, lo, hi) \
	VMOVUPS lo, K1, (BX);           \
	VMOVUPS hi, K2, 64(BX);         \
	ADDQ    R13, BX

#define LOADB_NARROW \
	VMOVUPS.Z (DX), K1, Z24

// With one use of each element a broadcast into a register costs: as an operand it measured 40% faster on Zen 4.
#define MULADD_NARROW(element, lo, hi) \
	VFMADD231PS.BCST element, Z24, lo

#define BLEND_NARROW(element, lo, hi) \
	VMOVUPS.Z   (DX), K1, Z27;        \
	ADDQ        R13, DX;              \
	VFMADD231PS Z27, Z31, lo

#define STORE_NARROW(element, lo, hi) \
	VMOVUPS lo, K1, (BX);             \
	ADDQ    R13, BX

// TILES computes the strip's tiles, one below the other. 0x3f800000 is 1; twice beta is 0 for 0 and for -0.
#define TILES(ROWS, LOADB, MULADD, BLEND, STORE) \
tile:                                            \
	MOVQ  R15, DI;                               \
	LEAQ  (SI)(SI*2), CX;                        \
	LEAQ  (DI)(CX*1), R8;                        \
	LEAQ  (DI)(CX*2), R9;                        \
	LEAQ  (R8)(CX*2), R10;                       \
	MOVQ  strip_b(R14), DX;                      \
	MOVQ  strip_depth(R14), CX;                  \
	ROWS(CLEAR);                                 \
step:                                            \
	LOADB;                                       \
	ROWS(MULADD);                                \
	ADDQ  R12, DX;                               \
	ADDQ  R11, DI;                               \
	ADDQ  R11, R8;                               \
	ADDQ  R11, R9;                               \
	ADDQ  R11, R10;                              \
	DECQ  CX;                                    \
	JNZ   step;                                  \
	CMPL  strip_alpha(R14), $0x3f800000;         \
	JEQ   scaled;                                \
	ROWS(SCALE);                                 \
scaled:                                          \
	MOVL  strip_beta(R14), CX;                   \
	SHLL  $1, CX;                                \
	JEQ   blended;                               \
	MOVQ  BX, DX;                                \
	ROWS(BLEND);                                 \
blended:                                         \
	ROWS(STORE);                                 \
	MOVQ  strip_rows(R14), CX;                   \
	IMULQ SI, CX;                                \
	ADDQ  CX, R15;                               \
	DECQ  AX;                                    \
	JNZ   tile;                                  \
	VZEROUPPER;                                  \
	RET

#define WIDE(ROWS)   TILES(ROWS, LOADB_WIDE, MULADD_WIDE, BLEND_WIDE, STORE_WIDE)
#define NARROW(ROWS) TILES(ROWS, LOADB_NARROW, MULADD_NARROW, BLEND_NARROW, STORE_NARROW)

// LOAD sets the registers that stay as they are for all tiles of a strip.
#define LOAD                            \
	MOVQ         strip_tiles(R14), AX;  \
	MOVQ         strip_a(R14), R15;     \
	MOVQ         strip_aRow(R14), SI;   \
	MOVQ         strip_aCol(R14), R11;  \
	MOVQ         strip_bRow(R14), R12;  \
	MOVQ         strip_c(R14), BX;      \
	MOVQ         strip_cRow(R14), R13;  \
	VBROADCASTSS strip_alpha(R14), Z30; \
	VBROADCASTSS strip_beta(R14), Z31;  \
	MOVQ         strip_cols(R14), CX;   \
	MOVQ         $1, DX;                \
	SHLQ         CX, DX;                \
	DECQ         DX;                    \
	KMOVW        DX, K1;                \
	SHRQ         $16, DX;               \
	KMOVW        DX, K2;                \
	MOVQ         strip_rows(R14), CX

// func wideAVX512(s *strip)
TEXT ·wideAVX512(SB), NOSPLIT, $0-8
	MOVQ s+0(FP), R14
	LOAD
	LEAQ wideRows<>(SB), DX
	JMP  -8(DX)(CX*8)

// func narrowAVX512(s *strip)
TEXT ·narrowAVX512(SB), NOSPLIT, $0-8
	MOVQ s+0(FP), R14
	LOAD
	LEAQ narrowRows<>(SB), DX
	JMP  -8(DX)(CX*8)

TEXT wide1<>(SB), NOSPLIT, $0-8
	WIDE(ROWS1)
TEXT wide2<>(SB), NOSPLIT, $0-8
	WIDE(ROWS2)
TEXT wide3<>(SB), NOSPLIT, $0-8
	WIDE(ROWS3)
TEXT wide4<>(SB), NOSPLIT, $0-8
	WIDE(ROWS4)
TEXT wide5<>(SB), NOSPLIT, $0-8
	WIDE(ROWS5)
TEXT wide6<>(SB), NOSPLIT, $0-8
	WIDE(ROWS6)
TEXT wide7<>(SB), NOSPLIT, $0-8
	WIDE(ROWS7)
TEXT wide8<>(SB), NOSPLIT, $0-8
	WIDE(ROWS8)
TEXT wide9<>(SB), NOSPLIT, $0-8
	WIDE(ROWS9)
TEXT wide10<>(SB), NOSPLIT, $0-8
	WIDE(ROWS10)
TEXT wide11<>(SB), NOSPLIT, $0-8
	WIDE(ROWS11)
TEXT wide12<>(SB), NOSPLIT, $0-8
	WIDE(ROWS12)

TEXT narrow1<>(SB), NOSPLIT, $0-8
	NARROW(ROWS1)
TEXT narrow2<>(SB), NOSPLIT, $0-8
	NARROW(ROWS2)
TEXT narrow3<>(SB), NOSPLIT, $0-8
	NARROW(ROWS3)
TEXT narrow4<>(SB), NOSPLIT, $0-8
	NARROW(ROWS4)
TEXT narrow5<>(SB), NOSPLIT, $0-8
	NARROW(ROWS5)
TEXT narrow6<>(SB), NOSPLIT, $0-8
	NARROW(ROWS6)
TEXT narrow7<>(SB), NOSPLIT, $0-8
	NARROW(ROWS7)
TEXT narrow8<>(SB), NOSPLIT, $0-8
	NARROW(ROWS8)
TEXT narrow9<>(SB), NOSPLIT, $0-8
	NARROW(ROWS9)
TEXT narrow10<>(SB), NOSPLIT, $0-8
	NARROW(ROWS10)
TEXT narrow11<>(SB), NOSPLIT, $0-8
	NARROW(ROWS11)
TEXT narrow12<>(SB), NOSPLIT, $0-8
	NARROW(ROWS12)

DATA wideRows<>+0(SB)/8, $wide1<>(SB)
DATA wideRows<>+8(SB)/8, $wide2<>(SB)
DATA wideRows<>+16(SB)/8, $wide3<>(SB)
DATA wideRows<>+24(SB)/8, $wide4<>(SB)
DATA wideRows<>+32(SB)/8, $wide5<>(SB)
DATA wideRows<>+40(SB)/8, $wide6<>(SB)
DATA wideRows<>+48(SB)/8, $wide7<>(SB)
DATA wideRows<>+56(SB)/8, $wide8<>(SB)
DATA wideRows<>+64(SB)/8, $wide9<>(SB)
DATA wideRows<>+72(SB)/8, $wide10<>(SB)
DATA wideRows<>+80(SB)/8, $wide11<>(SB)
DATA wideRows<>+88(SB)/8, $wide12<>(SB)
GLOBL wideRows<>(SB), RODATA, $96

DATA narrowRows<>+0(SB)/8, $narrow1<>(SB)
DATA narrowRows<>+8(SB)/8, $narrow2<>(SB)
DATA narrowRows<>+16(SB)/8, $narrow3<>(SB)
DATA narrowRows<>+24(SB)/8, $narrow4<>(SB)
DATA narrowRows<>+32(SB)/8, $narrow5<>(SB)
DATA narrowRows<>+40(SB)/8, $narrow6<>(SB)
DATA narrowRows<>+48(SB)/8, $narrow7<>(SB)
DATA narrowRows<>+56(SB)/8, $narrow8<>(SB)
DATA narrowRows<>+64(SB)/8, $narrow9<>(SB)
DATA narrowRows<>+72(SB)/8, $narrow10<>(SB)
DATA narrowRows<>+80(SB)/8, $narrow11<>(SB)
DATA narrowRows<>+88(SB)/8, $narrow12<>(SB)
GLOBL narrowRows<>(SB), RODATA, $96
