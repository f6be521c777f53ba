//go:build !purego

#include "textflag.h"

// Products and sums are separate instructions: the plain Go twins round in between.

// func axpyAVX2(y *float32, x *byte, n int, a float32)
TEXT ·axpyAVX2(SB), NOSPLIT, $0-28
	MOVQ         y+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS a+24(FP), Y0

axpyLoop:
	VMULPS  (SI), Y0, Y1
	VMULPS  32(SI), Y0, Y2
	VMULPS  64(SI), Y0, Y3
	VMULPS  96(SI), Y0, Y4
	VADDPS  (DI), Y1, Y1
	VADDPS  32(DI), Y2, Y2
	VADDPS  64(DI), Y3, Y3
	VADDPS  96(DI), Y4, Y4
	VMOVUPS Y1, (DI)
	VMOVUPS Y2, 32(DI)
	VMOVUPS Y3, 64(DI)
	VMOVUPS Y4, 96(DI)
	ADDQ    $128, SI
	ADDQ    $128, DI
	SUBQ    $32, CX
	JNZ     axpyLoop
	VZEROUPPER
	RET

// func subAVX2(out, x, y *float32, n int)
TEXT ·subAVX2(SB), NOSPLIT, $0-32
	MOVQ out+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), DX
	MOVQ n+24(FP), CX

subLoop:
	VMOVUPS (SI), Y1
	VMOVUPS 32(SI), Y2
	VMOVUPS 64(SI), Y3
	VMOVUPS 96(SI), Y4
	VSUBPS  (DX), Y1, Y1
	VSUBPS  32(DX), Y2, Y2
	VSUBPS  64(DX), Y3, Y3
	VSUBPS  96(DX), Y4, Y4
	VMOVUPS Y1, (DI)
	VMOVUPS Y2, 32(DI)
	VMOVUPS Y3, 64(DI)
	VMOVUPS Y4, 96(DI)
	ADDQ    $128, SI
	ADDQ    $128, DX
	ADDQ    $128, DI
	SUBQ    $32, CX
	JNZ     subLoop
	VZEROUPPER
	RET

// func scaleAVX2(x *float32, n int, a float32)
TEXT ·scaleAVX2(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), DI
	MOVQ         n+8(FP), CX
	VBROADCASTSS a+16(FP), Y0

scaleLoop:
	VMULPS  (DI), Y0, Y1
	VMULPS  32(DI), Y0, Y2
	VMULPS  64(DI), Y0, Y3
	VMULPS  96(DI), Y0, Y4
	VMOVUPS Y1, (DI)
	VMOVUPS Y2, 32(DI)
	VMOVUPS Y3, 64(DI)
	VMOVUPS Y4, 96(DI)
	ADDQ    $128, DI
	SUBQ    $32, CX
	JNZ     scaleLoop
	VZEROUPPER
	RET

// func stepAVX2(out, x, acc *float32, n int, lr float32)
TEXT ·stepAVX2(SB), NOSPLIT, $0-36
	MOVQ         out+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         acc+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS lr+32(FP), Y0
	VXORPS       Y5, Y5, Y5

stepLoop:
	VMULPS  (DX), Y0, Y1
	VMULPS  32(DX), Y0, Y2
	VMULPS  64(DX), Y0, Y3
	VMULPS  96(DX), Y0, Y4
	VMOVUPS (SI), Y6
	VMOVUPS 32(SI), Y7
	VMOVUPS 64(SI), Y8
	VMOVUPS 96(SI), Y9
	VSUBPS  Y1, Y6, Y6
	VSUBPS  Y2, Y7, Y7
	VSUBPS  Y3, Y8, Y8
	VSUBPS  Y4, Y9, Y9
	VMOVUPS Y6, (DI)
	VMOVUPS Y7, 32(DI)
	VMOVUPS Y8, 64(DI)
	VMOVUPS Y9, 96(DI)
	VMOVUPS Y5, (DX)
	VMOVUPS Y5, 32(DX)
	VMOVUPS Y5, 64(DX)
	VMOVUPS Y5, 96(DX)
	ADDQ    $128, SI
	ADDQ    $128, DX
	ADDQ    $128, DI
	SUBQ    $32, CX
	JNZ     stepLoop
	VZEROUPPER
	RET

// func finiteAVX2(x *byte, n int) bool
//
// A value is NaN or infinite exactly when all bits of its exponent are set.
TEXT ·finiteAVX2(SB), NOSPLIT, $0-17
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	MOVL         $0x7f800000, AX
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0
	VPXOR        Y5, Y5, Y5

finiteLoop:
	VPAND    (SI), Y0, Y1
	VPAND    32(SI), Y0, Y2
	VPAND    64(SI), Y0, Y3
	VPAND    96(SI), Y0, Y4
	VPCMPEQD Y0, Y1, Y1
	VPCMPEQD Y0, Y2, Y2
	VPCMPEQD Y0, Y3, Y3
	VPCMPEQD Y0, Y4, Y4
	VPOR     Y1, Y2, Y1
	VPOR     Y3, Y4, Y3
	VPOR     Y1, Y5, Y5
	VPOR     Y3, Y5, Y5
	ADDQ     $128, SI
	SUBQ     $32, CX
	JNZ      finiteLoop
	VPTEST   Y5, Y5
	SETEQ    ret+16(FP)
	VZEROUPPER
	RET

// func dotAVX2(lane *[16]float64, x, y *float32, n int)
TEXT ·dotAVX2(SB), NOSPLIT, $0-32
	MOVQ   lane+0(FP), DI
	MOVQ   x+8(FP), SI
	MOVQ   y+16(FP), DX
	MOVQ   n+24(FP), CX
	VXORPD Y8, Y8, Y8
	VXORPD Y9, Y9, Y9
	VXORPD Y10, Y10, Y10
	VXORPD Y11, Y11, Y11

dotLoop:
	VCVTPS2PD (SI), Y0
	VCVTPS2PD 16(SI), Y1
	VCVTPS2PD 32(SI), Y2
	VCVTPS2PD 48(SI), Y3
	VCVTPS2PD (DX), Y4
	VCVTPS2PD 16(DX), Y5
	VCVTPS2PD 32(DX), Y6
	VCVTPS2PD 48(DX), Y7
	VMULPD    Y0, Y4, Y0
	VMULPD    Y1, Y5, Y1
	VMULPD    Y2, Y6, Y2
	VMULPD    Y3, Y7, Y3
	VADDPD    Y0, Y8, Y8
	VADDPD    Y1, Y9, Y9
	VADDPD    Y2, Y10, Y10
	VADDPD    Y3, Y11, Y11
	ADDQ      $64, SI
	ADDQ      $64, DX
	SUBQ      $16, CX
	JNZ       dotLoop
	VMOVUPD   Y8, (DI)
	VMOVUPD   Y9, 32(DI)
	VMOVUPD   Y10, 64(DI)
	VMOVUPD   Y11, 96(DI)
	VZEROUPPER
	RET
