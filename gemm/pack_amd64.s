//go:build !purego

#include "textflag.h"

// FOUR turns columns 0-3, held in a, b, c and d as rows 0|4, 1|5, 2|6 and 3|7, into four rows of eight at DI.
#define FOUR(a, b, c, d)       \
	VUNPCKLPS b, a, Y8;        \
	VUNPCKHPS b, a, Y9;        \
	VUNPCKLPS d, c, Y10;       \
	VUNPCKHPS d, c, Y11;       \
	VUNPCKLPD Y10, Y8, Y12;    \
	VUNPCKHPD Y10, Y8, Y13;    \
	VUNPCKLPD Y11, Y9, Y14;    \
	VUNPCKHPD Y11, Y9, Y15;    \
	VMOVUPS   Y12, (DI);       \
	VMOVUPS   Y13, (DI)(R8*1); \
	VMOVUPS   Y14, (DI)(R8*2); \
	VMOVUPS   Y15, (DI)(R9*1); \
	LEAQ      (DI)(R8*4), DI

// func transpose8(dst *float32, dstRow int, src *float32, srcRow, blocks int)
TEXT ·transpose8(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ dstRow+8(FP), R8
	MOVQ src+16(FP), SI
	MOVQ srcRow+24(FP), R10
	MOVQ blocks+32(FP), CX
	LEAQ (R8)(R8*2), R9
	LEAQ (R10)(R10*2), R11
	LEAQ (SI)(R10*4), DX

block:
	VMOVUPS     (SI), X0
	VMOVUPS     (SI)(R10*1), X1
	VMOVUPS     (SI)(R10*2), X2
	VMOVUPS     (SI)(R11*1), X3
	VMOVUPS     16(SI), X4
	VMOVUPS     16(SI)(R10*1), X5
	VMOVUPS     16(SI)(R10*2), X6
	VMOVUPS     16(SI)(R11*1), X7
	VINSERTF128 $1, (DX), Y0, Y0
	VINSERTF128 $1, (DX)(R10*1), Y1, Y1
	VINSERTF128 $1, (DX)(R10*2), Y2, Y2
	VINSERTF128 $1, (DX)(R11*1), Y3, Y3
	VINSERTF128 $1, 16(DX), Y4, Y4
	VINSERTF128 $1, 16(DX)(R10*1), Y5, Y5
	VINSERTF128 $1, 16(DX)(R10*2), Y6, Y6
	VINSERTF128 $1, 16(DX)(R11*1), Y7, Y7
	FOUR(Y0, Y1, Y2, Y3)
	FOUR(Y4, Y5, Y6, Y7)
	ADDQ        $32, SI
	ADDQ        $32, DX
	DECQ        CX
	JNZ         block
	VZEROUPPER
	RET
