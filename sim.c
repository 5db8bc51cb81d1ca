#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include "core/estimate.h"
static uint64_t st=1;
static uint64_t nx(void){uint64_t z=(st+=0x9E3779B97F4A7C15ull);z=(z^(z>>30))*0xBF58476D1CE4E5B9ull;z=(z^(z>>27))*0x94D049BB133111EBull;return z^(z>>31);}
static double U(void){return (double)(nx()>>11)*0x1p-53;}
static double N(void){return sqrt(-2*log(1-U()))*cos(6.283185307179586*U());}
int main(int c,char**v){
 int nh=atoi(v[1]),ratio=atoi(v[2]),cells=atoi(v[3]);double sig=atof(v[4]);int runs=c>5?atoi(v[5]):4000;
 double sig1=c>6?atof(v[6]):sig;
 size_t sz=sprout_estimate_memory(64);char*b=malloc(sz);
 int cov=0,covg=0,ok=0,low=0,hi=0;double w=0;
 for(int r=0;r<runs;r++){
  struct sprout_arena a=sprout_arena_of(b,sz);struct sprout_estimate*e=sprout_estimate_new(&a,64);
  double sT=0,sH=0,sTg=0,sHg=0;
  int n=nh*(ratio+1);
  for(int i=0;i<n;i++){
   int k=(int)(nx()%(unsigned)cells);double mu=100*pow(2,k%5);
   /* energy mean e^{s^2/2} scaled to mu */
   int held= U()<1.0/(ratio+1);
   double ci=1+ (i%24)/12.0; /* grid */
   double share1=0.3+0.6*(i%24)/24; /* more brevity when dirty */
   double e0=mu*exp(sig*N()-sig*sig/2);
   double eff=0.2+0.1*(k%3);
   double e1=mu*eff*exp(sig1*N()-sig1*sig1/2);
   int brief=U()<share1;
   double mt=mu*(share1*eff+1-share1);
   if(!held){sT+=mt;sH+=mu;sTg+=mt*ci;sHg+=mu*ci;}
   double E=held?e0:brief?e1:e0;
   struct sprout_estimate_unit u={.cell=(uint64_t)k,.arm=held?SPROUT_ESTIMATE_HOLDOUT:SPROUT_ESTIMATE_MIX,.at_l1=!held&&brief,.energy={E},.grams={E*ci}};
   sprout_estimate_add(e,&u);
  }
  struct sprout_estimate_result x=sprout_estimate_result(e);
  if(x.energy_state)continue;
  ok++;double t=100*(1-sT/sH),tg=100*(1-sTg/sHg);
  cov+=x.energy_percent.low<=t&&t<=x.energy_percent.high;
  covg+=x.carbon_percent.low<=tg&&tg<=x.carbon_percent.high;
  low+=t<x.energy_percent.low; hi+=t>x.energy_percent.high;
  w+=x.energy_percent.high-x.energy_percent.low;
 }
 printf("nh=%d ratio=%d cells=%d sig=%.2f: ok=%d cover energy %.2f carbon %.2f; below %.2f above %.2f width %.1f\n",nh,ratio,cells,sig,ok,100.0*cov/ok,100.0*covg/ok,100.0*low/ok,100.0*hi/ok,w/ok);
}
