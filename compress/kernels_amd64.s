//go:build !purego

#include "textflag.h"

// What each kernel computes is defined by its plain twin in plain.go. Products and sums are separate instructions, as
// the twins round in between, and value i of a sum goes to lane i mod 16: two registers of 8 lanes.

DATA absMask<>+0(SB)/8, $0x7fffffff7fffffff
DATA absMask<>+8(SB)/8, $0x7fffffff7fffffff
DATA absMask<>+16(SB)/8, $0x7fffffff7fffffff
DATA absMask<>+24(SB)/8, $0x7fffffff7fffffff
GLOBL absMask<>(SB), RODATA|NOPTR, $32
DATA signMask<>+0(SB)/4, $0x80000000
GLOBL signMask<>(SB), RODATA|NOPTR, $4

DATA iota<>+0(SB)/4, $0
DATA iota<>+4(SB)/4, $1
DATA iota<>+8(SB)/4, $2
DATA iota<>+12(SB)/4, $3
DATA iota<>+16(SB)/4, $4
DATA iota<>+20(SB)/4, $5
DATA iota<>+24(SB)/4, $6
DATA iota<>+28(SB)/4, $7
DATA iota<>+32(SB)/4, $8
DATA iota<>+36(SB)/4, $9
DATA iota<>+40(SB)/4, $10
DATA iota<>+44(SB)/4, $11
DATA iota<>+48(SB)/4, $12
DATA iota<>+52(SB)/4, $13
DATA iota<>+56(SB)/4, $14
DATA iota<>+60(SB)/4, $15
GLOBL iota<>(SB), RODATA|NOPTR, $64

DATA bit<>+0(SB)/4, $1
DATA bit<>+4(SB)/4, $2
DATA bit<>+8(SB)/4, $4
DATA bit<>+12(SB)/4, $8
DATA bit<>+16(SB)/4, $16
DATA bit<>+20(SB)/4, $32
DATA bit<>+24(SB)/4, $64
DATA bit<>+28(SB)/4, $128
GLOBL bit<>(SB), RODATA|NOPTR, $32

DATA one<>+0(SB)/4, $0x3f800000
GLOBL one<>(SB), RODATA|NOPTR, $4
DATA unit24<>+0(SB)/4, $0x33800000 // 2^-24
GLOBL unit24<>(SB), RODATA|NOPTR, $4
DATA hashA<>+0(SB)/4, $0x21f0aaad
GLOBL hashA<>(SB), RODATA|NOPTR, $4
DATA hashB<>+0(SB)/4, $0x735a2d97
GLOBL hashB<>(SB), RODATA|NOPTR, $4

// func sumSquaresAVX2(l *lanes[float32], x *float32, n int)
TEXT ·sumSquaresAVX2(SB), NOSPLIT, $0-24
	MOVQ   l+0(FP), DI
	MOVQ   x+8(FP), SI
	MOVQ   n+16(FP), CX
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5

sumSquaresLoop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMULPS  Y0, Y0, Y0
	VMULPS  Y1, Y1, Y1
	VADDPS  Y0, Y4, Y4
	VADDPS  Y1, Y5, Y5
	ADDQ    $64, SI
	SUBQ    $16, CX
	JNZ     sumSquaresLoop
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	VZEROUPPER
	RET

// func econtrolStepAVX2(l *[3]lanes[float32], bits *byte, p, e, in, h *float32, n int, eta, threshold float32)
TEXT ·econtrolStepAVX2(SB), NOSPLIT, $0-64
	MOVQ         l+0(FP), DI
	MOVQ         bits+8(FP), R12
	MOVQ         p+16(FP), R8
	MOVQ         e+24(FP), R9
	MOVQ         in+32(FP), R10
	MOVQ         h+40(FP), R11
	MOVQ         n+48(FP), CX
	VBROADCASTSS eta+56(FP), Y0
	VBROADCASTSS threshold+60(FP), Y9
	VXORPS       Y10, Y10, Y10
	VXORPS       Y11, Y11, Y11
	VXORPS       Y12, Y12, Y12
	VXORPS       Y13, Y13, Y13
	VXORPS       Y14, Y14, Y14
	VXORPS       Y15, Y15, Y15
	XORQ         AX, AX

econtrolLoop:
	VMOVUPS   (R10)(AX*1), Y1
	VMOVUPS   32(R10)(AX*1), Y2
	VSUBPS    (R11)(AX*1), Y1, Y3   // d = g - h
	VSUBPS    32(R11)(AX*1), Y2, Y4
	VADDPS    (R9)(AX*1), Y3, Y5    // u = e + d
	VADDPS    32(R9)(AX*1), Y4, Y6
	VMOVUPS   Y5, (R9)(AX*1)
	VMOVUPS   Y6, 32(R9)(AX*1)
	VSUBPS    Y3, Y5, Y7            // u - d
	VSUBPS    Y4, Y6, Y8
	VMULPS    Y7, Y0, Y7
	VMULPS    Y8, Y0, Y8
	VADDPS    Y3, Y7, Y7            // p
	VADDPS    Y4, Y8, Y8
	VMOVUPS   Y7, (R8)(AX*1)
	VMOVUPS   Y8, 32(R8)(AX*1)
	VMULPS    Y1, Y1, Y1
	VMULPS    Y2, Y2, Y2
	VMULPS    Y5, Y5, Y5
	VMULPS    Y6, Y6, Y6
	VADDPS    Y1, Y10, Y10
	VADDPS    Y2, Y11, Y11
	VADDPS    Y5, Y12, Y12
	VADDPS    Y6, Y13, Y13
	VANDPS    absMask<>(SB), Y7, Y1
	VANDPS    absMask<>(SB), Y8, Y2
	VCMPPS    $0x15, Y9, Y1, Y1
	VCMPPS    $0x15, Y9, Y2, Y2
	VMOVMSKPS Y1, BX
	VMOVMSKPS Y2, DX
	MOVB      BX, (R12)
	MOVB      DX, 1(R12)
	VMULPS    Y7, Y7, Y7
	VMULPS    Y8, Y8, Y8
	VADDPS    Y7, Y14, Y14
	VADDPS    Y8, Y15, Y15
	ADDQ      $64, AX
	ADDQ      $2, R12
	SUBQ      $16, CX
	JNZ       econtrolLoop
	VMOVUPS   Y10, (DI)
	VMOVUPS   Y11, 32(DI)
	VMOVUPS   Y12, 64(DI)
	VMOVUPS   Y13, 96(DI)
	VMOVUPS   Y14, 128(DI)
	VMOVUPS   Y15, 160(DI)
	VZEROUPPER
	RET

// func ecStepAVX2(e, in *float32, n int, beta float32)
TEXT ·ecStepAVX2(SB), NOSPLIT, $0-28
	MOVQ         e+0(FP), DI
	MOVQ         in+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS beta+24(FP), Y0

ecLoop:
	VMULPS  (DI), Y0, Y1
	VMULPS  32(DI), Y0, Y2
	VADDPS  (SI), Y1, Y1
	VADDPS  32(SI), Y2, Y2
	VMOVUPS Y1, (DI)
	VMOVUPS Y2, 32(DI)
	ADDQ    $64, DI
	ADDQ    $64, SI
	SUBQ    $16, CX
	JNZ     ecLoop
	VZEROUPPER
	RET

// func ef21mStepAVX2(p, v, in, h *float32, n int, m, rest float32)
TEXT ·ef21mStepAVX2(SB), NOSPLIT, $0-48
	MOVQ         p+0(FP), R8
	MOVQ         v+8(FP), R9
	MOVQ         in+16(FP), R10
	MOVQ         h+24(FP), R11
	MOVQ         n+32(FP), CX
	VBROADCASTSS m+40(FP), Y0
	VBROADCASTSS rest+44(FP), Y15
	XORQ         AX, AX

ef21mLoop:
	VMULPS  (R9)(AX*1), Y15, Y1
	VMULPS  32(R9)(AX*1), Y15, Y2
	VMULPS  (R10)(AX*1), Y0, Y3
	VMULPS  32(R10)(AX*1), Y0, Y4
	VADDPS  Y3, Y1, Y1
	VADDPS  Y4, Y2, Y2
	VMOVUPS Y1, (R9)(AX*1)
	VMOVUPS Y2, 32(R9)(AX*1)
	VSUBPS  (R11)(AX*1), Y1, Y1
	VSUBPS  32(R11)(AX*1), Y2, Y2
	VMOVUPS Y1, (R8)(AX*1)
	VMOVUPS Y2, 32(R8)(AX*1)
	ADDQ    $64, AX
	SUBQ    $16, CX
	JNZ     ef21mLoop
	VZEROUPPER
	RET

// func markAVX2(bits *byte, x *float32, n int, threshold float32)
TEXT ·markAVX2(SB), NOSPLIT, $0-28
	MOVQ         bits+0(FP), R8
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS threshold+24(FP), Y0
	VMOVUPS      absMask<>(SB), Y15

markLoop:
	VANDPS    (SI), Y15, Y1
	VANDPS    32(SI), Y15, Y2
	VCMPPS    $0x15, Y0, Y1, Y1    // not |x| < threshold
	VCMPPS    $0x15, Y0, Y2, Y2
	VMOVMSKPS Y1, AX
	VMOVMSKPS Y2, BX
	MOVB      AX, (R8)
	MOVB      BX, 1(R8)
	ADDQ      $64, SI
	ADDQ      $2, R8
	SUBQ      $16, CX
	JNZ       markLoop
	VZEROUPPER
	RET

// func maxAbsAVX2(x *float32, n int) float32
TEXT ·maxAbsAVX2(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VMOVUPS      absMask<>(SB), Y15
	VXORPS       Y0, Y0, Y0
	VXORPS       Y1, Y1, Y1

maxAbsLoop:
	VANDPS       (SI), Y15, Y2
	VANDPS       32(SI), Y15, Y3
	VMAXPS       Y2, Y0, Y0
	VMAXPS       Y3, Y1, Y1
	ADDQ         $64, SI
	SUBQ         $16, CX
	JNZ          maxAbsLoop
	VMAXPS       Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS       X1, X0, X0
	VMOVHLPS     X0, X0, X1
	VMAXPS       X1, X0, X0
	VMOVSHDUP    X0, X1
	VMAXSS       X1, X0, X0
	VMOVSS       X0, ret+16(FP)
	VZEROUPPER
	RET

// func signBitsAVX2(l *[2]lanes[float32], bits *byte, x *float32, n int) int
TEXT ·signBitsAVX2(SB), NOSPLIT, $0-40
	MOVQ         l+0(FP), DI
	MOVQ         bits+8(FP), R8
	MOVQ         x+16(FP), SI
	MOVQ         n+24(FP), CX
	VMOVUPS      absMask<>(SB), Y15
	VXORPS       Y0, Y0, Y0
	VXORPS       Y10, Y10, Y10
	VXORPS       Y11, Y11, Y11
	VXORPS       Y12, Y12, Y12
	VXORPS       Y13, Y13, Y13
	XORQ         R9, R9

signLoop:
	VMOVUPS   (SI), Y1
	VMOVUPS   32(SI), Y2
	VCMPPS    $0x11, Y0, Y1, Y3    // x < 0
	VCMPPS    $0x11, Y0, Y2, Y4
	VCMPPS    $0x00, Y0, Y1, Y5    // x == 0
	VCMPPS    $0x00, Y0, Y2, Y6
	VMOVMSKPS Y3, AX
	VMOVMSKPS Y4, BX
	MOVB      AX, (R8)
	MOVB      BX, 1(R8)
	VPACKSSDW Y6, Y5, Y5
	VPMOVMSKB Y5, AX               // two bits a value
	POPCNTL   AX, AX
	ADDQ      AX, R9
	VANDPS    Y1, Y15, Y5
	VANDPS    Y2, Y15, Y6
	VADDPS    Y5, Y10, Y10
	VADDPS    Y6, Y11, Y11
	VMULPS    Y1, Y1, Y1
	VMULPS    Y2, Y2, Y2
	VADDPS    Y1, Y12, Y12
	VADDPS    Y2, Y13, Y13
	ADDQ      $64, SI
	ADDQ      $2, R8
	SUBQ      $16, CX
	JNZ       signLoop
	VMOVUPS   Y10, (DI)
	VMOVUPS   Y11, 32(DI)
	VMOVUPS   Y12, 64(DI)
	VMOVUPS   Y13, 96(DI)
	SHRQ      $1, R9
	MOVQ      R9, ret+32(FP)
	VZEROUPPER
	RET

// func addSignsAVX2(y *float32, signs *byte, n int, a float32)
TEXT ·addSignsAVX2(SB), NOSPLIT, $0-28
	MOVQ         y+0(FP), DI
	MOVQ         signs+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS a+24(FP), Y0
	VBROADCASTSS signMask<>(SB), Y15
	VMOVDQU      bit<>(SB), Y14

addSignsLoop:
	VPBROADCASTB (SI), Y1
	VPBROADCASTB 1(SI), Y2
	VPAND        Y1, Y14, Y1
	VPAND        Y2, Y14, Y2
	VPCMPEQD     Y1, Y14, Y1
	VPCMPEQD     Y2, Y14, Y2
	VPAND        Y1, Y15, Y1
	VPAND        Y2, Y15, Y2
	VXORPS       Y1, Y0, Y1
	VXORPS       Y2, Y0, Y2
	VADDPS       (DI), Y1, Y1
	VADDPS       32(DI), Y2, Y2
	VMOVUPS      Y1, (DI)
	VMOVUPS      Y2, 32(DI)
	ADDQ         $64, DI
	ADDQ         $2, SI
	SUBQ         $16, CX
	JNZ          addSignsLoop
	VZEROUPPER
	RET

// One group of 8 in quantiseAVX2: out gets the codes as int32. Y3 holds the coordinates, Y4 and Y5 the key's halves, Y6
// inverse, Y8 s, Y9 -s. First the hash of uniform, then u, t, floor(t+u) within -s and s, f and the sums.
#define QUANTISE8(offset, out, tt, ff) \
	VPADDD       Y3, Y4, Y1        \
	VPSRLD       $16, Y1, Y2       \
	VPXOR        Y1, Y2, Y1        \
	VPBROADCASTD hashA<>(SB), Y2   \
	VPMULLD      Y1, Y2, Y1        \
	VPSRLD       $15, Y1, Y2       \
	VPXOR        Y1, Y2, Y1        \
	VPADDD       Y1, Y5, Y1        \
	VPBROADCASTD hashB<>(SB), Y2   \
	VPMULLD      Y1, Y2, Y1        \
	VPSRLD       $15, Y1, Y2       \
	VPXOR        Y1, Y2, Y1        \
	VPSRLD       $8, Y1, Y1        \
	VCVTDQ2PS    Y1, Y1            \
	VBROADCASTSS unit24<>(SB), Y2  \
	VMULPS       Y1, Y2, Y1        \
	VMULPS       offset(SI), Y6, Y0 \
	VADDPS       Y0, Y1, Y1        \
	VROUNDPS     $9, Y1, Y1        \
	VMAXPS       Y9, Y1, Y1        \
	VMINPS       Y8, Y1, Y1        \
	VCVTPS2DQ    Y1, out           \
	VROUNDPS     $9, Y0, Y2        \
	VSUBPS       Y2, Y0, Y2        \
	VMULPS       Y0, Y0, Y0        \
	VADDPS       Y0, tt, tt        \
	VSUBPS       Y2, Y11, Y0       \
	VMULPS       Y0, Y2, Y2        \
	VADDPS       Y2, ff, ff        \
	VPADDD       Y10, Y3, Y3

// func quantiseAVX2(l *[2]lanes[float32], codes *byte, x *float32, n int, inverse, s float32, first, low, high uint32)
TEXT ·quantiseAVX2(SB), NOSPLIT, $0-52
	MOVQ         l+0(FP), DI
	MOVQ         codes+8(FP), R8
	MOVQ         x+16(FP), SI
	MOVQ         n+24(FP), CX
	VBROADCASTSS inverse+32(FP), Y6
	VBROADCASTSS s+36(FP), Y8
	VXORPS       Y1, Y1, Y1
	VSUBPS       Y8, Y1, Y9
	VBROADCASTSS first+40(FP), Y3
	VPADDD       iota<>(SB), Y3, Y3
	VBROADCASTSS low+44(FP), Y4
	VBROADCASTSS high+48(FP), Y5
	MOVL         $8, DX
	VMOVD        DX, X10
	VPBROADCASTD X10, Y10
	VBROADCASTSS one<>(SB), Y11
	VXORPS       Y12, Y12, Y12
	VXORPS       Y13, Y13, Y13
	VXORPS       Y14, Y14, Y14
	VXORPS       Y15, Y15, Y15

quantise2Loop:
	PREFETCHT0   16384(SI)
	QUANTISE8(0, Y7, Y12, Y14)
	VEXTRACTI128 $1, Y7, X1
	VPACKSSDW    X1, X7, X7
	VMOVDQU      X7, (R8)              // 8 codes of 16 bits, overwritten below
	QUANTISE8(32, Y7, Y13, Y15)
	VEXTRACTI128 $1, Y7, X1
	VPACKSSDW    X1, X7, X7
	VMOVDQU      (R8), X1
	VPACKSSWB    X7, X1, X7
	VMOVDQU      X7, (R8)
	ADDQ         $64, SI
	ADDQ         $16, R8
	SUBQ         $16, CX
	JNZ          quantise2Loop
	VMOVUPS      Y12, (DI)
	VMOVUPS      Y13, 32(DI)
	VMOVUPS      Y14, 64(DI)
	VMOVUPS      Y15, 96(DI)
	VZEROUPPER
	RET

// func quantiseAVX512(l *[2]lanes[float32], codes *byte, x *float32, n int, inverse, s float32, first, low, high uint32)
//
// The same with room for all constants in registers, and one instruction that packs the codes. The arithmetic leaves
// memory idle, so the tile after this one is called up meanwhile: it makes the whole encoding a fifth faster.
TEXT ·quantiseAVX512(SB), NOSPLIT, $0-52
	MOVQ         l+0(FP), DI
	MOVQ         codes+8(FP), R8
	MOVQ         x+16(FP), SI
	MOVQ         n+24(FP), CX
	VBROADCASTSS inverse+32(FP), Z6
	VBROADCASTSS s+36(FP), Z7
	VPXORD       Z1, Z1, Z1
	VSUBPS       Z7, Z1, Z8
	VBROADCASTSS first+40(FP), Z3
	VPADDD       iota<>(SB), Z3, Z3
	VBROADCASTSS low+44(FP), Z4
	VBROADCASTSS high+48(FP), Z5
	VPBROADCASTD hashA<>(SB), Z16
	VPBROADCASTD hashB<>(SB), Z17
	VBROADCASTSS unit24<>(SB), Z18
	VBROADCASTSS one<>(SB), Z19
	MOVL         $16, DX
	VPBROADCASTD DX, Z20
	VPXORD       Z12, Z12, Z12
	VPXORD       Z13, Z13, Z13

quantise512Loop:
	PREFETCHT0  16384(SI)
	VPADDD      Z3, Z4, Z1
	VPSRLD      $16, Z1, Z2
	VPXORD      Z1, Z2, Z1
	VPMULLD     Z1, Z16, Z1
	VPSRLD      $15, Z1, Z2
	VPXORD      Z1, Z2, Z1
	VPADDD      Z1, Z5, Z1
	VPMULLD     Z1, Z17, Z1
	VPSRLD      $15, Z1, Z2
	VPXORD      Z1, Z2, Z1
	VPSRLD      $8, Z1, Z1
	VCVTDQ2PS   Z1, Z1
	VMULPS      Z1, Z18, Z1
	VMULPS      (SI), Z6, Z0
	VADDPS      Z0, Z1, Z1
	VRNDSCALEPS $9, Z1, Z1
	VMAXPS      Z8, Z1, Z1
	VMINPS      Z7, Z1, Z1
	VCVTPS2DQ   Z1, Z1
	VPMOVDB     Z1, (R8)
	VRNDSCALEPS $9, Z0, Z2
	VSUBPS      Z2, Z0, Z2
	VMULPS      Z0, Z0, Z0
	VADDPS      Z0, Z12, Z12
	VSUBPS      Z2, Z19, Z0
	VMULPS      Z0, Z2, Z2
	VADDPS      Z2, Z13, Z13
	VPADDD      Z20, Z3, Z3
	ADDQ        $64, SI
	ADDQ        $16, R8
	SUBQ        $16, CX
	JNZ         quantise512Loop
	VMOVUPS     Z12, (DI)
	VMOVUPS     Z13, 64(DI)
	VZEROUPPER
	RET

// func addCodesAVX2(y *float32, codes *byte, n int, step float32)
TEXT ·addCodesAVX2(SB), NOSPLIT, $0-28
	MOVQ         y+0(FP), DI
	MOVQ         codes+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS step+24(FP), Y0

addCodesLoop:
	VPMOVSXBD (SI), Y1
	VPMOVSXBD 8(SI), Y2
	VCVTDQ2PS Y1, Y1
	VCVTDQ2PS Y2, Y2
	VMULPS    Y1, Y0, Y1
	VMULPS    Y2, Y0, Y2
	VADDPS    (DI), Y1, Y1
	VADDPS    32(DI), Y2, Y2
	VMOVUPS   Y1, (DI)
	VMOVUPS   Y2, 32(DI)
	ADDQ      $64, DI
	ADDQ      $16, SI
	SUBQ      $16, CX
	JNZ       addCodesLoop
	VZEROUPPER
	RET
